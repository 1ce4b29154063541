namespace PaperTasks.DataSets;

/// <summary>SQuAD's JSON, versions 1.1 and 2.0: articles of paragraphs of questions.</summary>
internal static class Squad
{
    public static IEnumerable<TextQuestion> Read(string file)
    {
        foreach (JsonFields article in Articles(file))
        {
            foreach (JsonFields paragraph in article.Objects("paragraphs"))
            {
                string context = paragraph.Text("context");
                var places = new CodePoints(context);
                foreach (JsonFields question in paragraph.Objects("qas"))
                    yield return Read(question with { Place = $"{file}, question '{question.Text("id")}'" }, context, places);
            }
        }
    }

    /// <summary>Objects with the fields <c>title</c> and <c>paragraphs</c>.</summary>
    public static IEnumerable<JsonFields> Articles(string file) => JsonFields.ReadFile(file).Objects("data");

    private static TextQuestion Read(JsonFields question, string context, CodePoints places)
    {
        string asked = question.Text("question"), id = question.Text("id");
        JsonFields[] answers = question.Flag("is_impossible") ? [] : [.. question.Objects("answers")];
        return answers.Length == 0
            ? new TextQuestion(asked, context, [], -1, id)
            : new TextQuestion(asked, context, [.. answers.Select(answer => answer.Text("text"))], Locate(answers[0], context, places), id);
    }

    // Some of the published starts are off by a character or two: the answer's occurrence nearest to the start is meant.
    // Where the paragraph has none, there is none to learn; the trainer counts such rows.
    private static int Locate(JsonFields answer, string context, CodePoints places)
    {
        string text = answer.Text("text");
        if (text.Length == 0)
            throw answer.Refuse("expected the answer's text, found an empty one.");

        int start = places.ToIndex(Math.Clamp(answer.Integer("answer_start"), 0, places.Count));
        int after = context.IndexOf(text, start, StringComparison.Ordinal);
        if (after == start)
            return start;

        int before = context.LastIndexOf(text, Math.Min(start + text.Length, context.Length) - 1, StringComparison.Ordinal);
        return before < 0 || (after >= 0 && after - start < start - before) ? after : before;
    }
}
