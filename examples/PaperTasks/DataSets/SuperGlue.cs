namespace PaperTasks.DataSets;

/// <summary>
/// SuperGLUE's files, one JSON object a line, worded as the official code words them: github.com/THUDM/P-tuning-v2, <c>tasks/superglue</c>.
/// </summary>
internal static class SuperGlue
{
    private const string Wrong = "0";
    private const string Right = "1";

    public static DataFiles Files { get; } = new("train.jsonl", "val.jsonl");

    /// <summary>Two fields and a label.</summary>
    public static IEnumerable<Example> ReadPairs(string file, string sentence1, string sentence2)
    {
        foreach ((TextLine line, JsonFields row) in JsonFields.ReadLines(file))
            yield return new Example(row.Text(sentence1), row.Text(sentence2), row.Text("label"), line.Number);
    }

    /// <summary>A row for each answer that is proposed to a question: the paragraph, and question and answer as one text.</summary>
    public static IEnumerable<Example> ReadMultiRc(string file)
    {
        foreach ((TextLine line, JsonFields row) in JsonFields.ReadLines(file))
        {
            JsonFields passage = row.Object("passage");
            string paragraph = passage.Text("text");
            foreach (JsonFields question in passage.Objects("questions"))
            {
                string asked = question.Text("question");
                (string Text, string Label)[] answers = [.. question.Objects("answers").Select(answer => (answer.Text("text"), Judgement(answer)))];
                string[] right = [.. answers.Where(answer => answer.Label == Right).Select(answer => answer.Text)];
                foreach ((string text, string label) in answers)
                {
                    yield return new Example(paragraph, $"{asked} {text}", label, line.Number)
                    {
                        Candidate = new Candidate(question.Place, text, right),
                    };
                }
            }
        }
    }

    /// <summary>A row for each entity of the passage, put in the query's gap.</summary>
    public static IEnumerable<Example> ReadRecord(string file)
    {
        foreach ((TextLine line, JsonFields row) in JsonFields.ReadLines(file))
        {
            JsonFields passage = row.Object("passage");
            string[] entities = Entities(passage);
            string text = passage.Text("text").Replace("@highlight\n", "- ", StringComparison.Ordinal);
            foreach (JsonFields question in row.Objects("qas"))
            {
                string query = question.Text("query");
                string[] answers = [.. question.Objects("answers").Select(answer => answer.Text("text")).Distinct()];
                foreach (string entity in entities)
                {
                    yield return new Example(
                        text, query.Replace("@placeholder", entity, StringComparison.Ordinal), answers.Contains(entity) ? Right : Wrong, line.Number)
                    {
                        Candidate = new Candidate(question.Place, entity, answers),
                    };
                }
            }
        }
    }

    /// <summary>Template 0: one text that ends in a question. Template 1: each sentence after the word.</summary>
    public static IEnumerable<Example> ReadWic(string file, Reading reading)
    {
        foreach ((TextLine line, JsonFields row) in JsonFields.ReadLines(file))
        {
            string word = row.Text("word"), sentence1 = row.Text("sentence1"), sentence2 = row.Text("sentence2"), label = row.Text("label");
            yield return reading.Template == 0
                ? new Example($"{sentence1} {sentence2} Does {word} have the same meaning in both sentences?", null, label, line.Number)
                : new Example($"{word}: {sentence1}", $"{word}: {sentence2}", label, line.Number);
        }
    }

    /// <summary>The text beside the noun. Template 0: the pronoun stands before the text. Template 1: it has stars about it.</summary>
    public static IEnumerable<Example> ReadWsc(string file, Reading reading)
    {
        foreach ((TextLine line, JsonFields row) in JsonFields.ReadLines(file))
        {
            JsonFields target = row.Object("target");
            string text = row.Text("text");
            string marked = reading.Template == 0 ? $"{target.Text("span2_text")}: {text}" : Star(text, target);
            yield return new Example(marked, target.Text("span1_text"), row.Text("label"), line.Number);
        }
    }

    /// <summary>COPA: the premise, continued by "because" or "so", and its two choices.</summary>
    public static IEnumerable<ChoiceQuestion> ReadCopa(string file)
    {
        foreach ((TextLine line, JsonFields row) in JsonFields.ReadLines(file))
        {
            string joiner = row.Text("question") switch
            {
                "cause" => "because",
                "effect" => "so",
                string other => throw row.Refuse($"expected 'cause' or 'effect' in the field 'question', found '{other}'."),
            };
            string[] choices = [row.Text("choice1"), row.Text("choice2")];
            int right = row.Integer("label");
            if (right is not (0 or 1))
                throw row.Refuse($"expected 0 or 1 in the field 'label', found {right}.");

            yield return new ChoiceQuestion($"{row.Text("premise")} {joiner}", choices, right, line.Number);
        }
    }

    private static string Judgement(JsonFields answer)
    {
        string label = answer.Text("label");
        return label is Wrong or Right ? label : throw answer.Refuse($"expected 0 or 1 in the field 'label', found {label}.");
    }

    // Sorted, each once, as the published loader of the data set has them.
    private static string[] Entities(JsonFields passage)
    {
        var places = new CodePoints(passage.Text("text"));
        string[] entities = [.. passage.Objects("entities").Select(entity => Entity(entity, places)).Distinct().Order(StringComparer.Ordinal)];
        return entities.Length > 0 ? entities : throw passage.Refuse("expected entities to choose from, found none.");
    }

    private static string Entity(JsonFields entity, CodePoints passage)
    {
        int start = entity.Integer("start"), last = entity.Integer("end");
        return 0 <= start && start <= last && last < passage.Count
            ? passage.Between(start, last + 1)
            : throw entity.Refuse($"expected a place in the passage of {passage.Count} characters, found {start} to {last}.");
    }

    private static string Star(string text, JsonFields target)
    {
        string[] words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        int pronoun = target.Integer("span2_index");
        if (pronoun < 0 || pronoun >= words.Length)
            throw target.Refuse($"expected one of the text's {words.Length} words as 'span2_index', found {pronoun}.");

        words[pronoun] = $"*{words[pronoun]}*";
        return string.Join(' ', words);
    }
}
