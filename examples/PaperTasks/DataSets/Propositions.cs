using System.Text.RegularExpressions;

namespace PaperTasks.DataSets;

/// <summary>
/// Files with a word a line and, after other columns, one column a predicate with the brackets of its arguments, as in
/// <c>(A0*</c>, <c>*</c>, <c>*)</c>, <c>(V*)</c>: CoNLL-2005 (words first, props behind them) and CoNLL-2012. An empty line ends a sentence.
/// </summary>
/// <remarks>Every column with a <c>(V*</c> is a proposition, about the word where that stands; whatever other columns hold is not read.</remarks>
internal static partial class Propositions
{
    private const string DocumentStart = "#begin document", DocumentEnd = "#end document";
    private const string LeftOutWord = "[WORD]";
    private const string NoPredicate = "-";
    private const int Conll2012Words = 3;

    public static IEnumerable<TaggedSentence> Read(string file, Reading reading)
    {
        int tokenColumn = reading.TokenColumn ?? (TextLine.Read(file).Take(1).Any(IsDocumentLine) ? Conll2012Words : 0);
        bool isAny = false;
        foreach (IReadOnlyList<TextLine> lines in TextLine.Groups(file, isBetween: line => string.IsNullOrWhiteSpace(line.Text) || IsDocumentLine(line)))
        {
            Word[] sentence = [.. lines.Select(line => new Word(line, line.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)))];
            IReadOnlyList<TaggedSentence> rows = Rows(sentence, tokenColumn);
            if (rows.Count > 0 && reading.TokenColumn is null)
                RefuseWhatIsNoWord(rows, lines[0], tokenColumn);

            isAny |= rows.Count > 0;
            foreach (TaggedSentence row in rows)
                yield return row;
        }

        if (!isAny)
        {
            throw new InvalidDataException(
                $"{file}: expected lines of 'index word word ... {PredicateFrames.Separator} tag tag ...', or a word a line and a column a predicate with "
                + $"brackets such as (A0*, *, *) and ({TaggedSentence.PredicateType}*); found no {PredicateFrames.Separator} in the first line, "
                + $"and no column with a ({TaggedSentence.PredicateType}*.");
        }
    }

    private static bool IsDocumentLine(TextLine line) =>
        line.Text.StartsWith(DocumentStart, StringComparison.Ordinal) || line.Text.StartsWith(DocumentEnd, StringComparison.Ordinal);

    private static IReadOnlyList<TaggedSentence> Rows(Word[] sentence, int tokenColumn)
    {
        TextLine start = sentence[0].Line;
        int columns = sentence[0].Fields.Length;
        if (Array.Find(sentence, word => word.Fields.Length != columns) is { } uneven)
            throw uneven.Line.Refuse($"expected {columns} columns as in the sentence's first line, found {uneven.Fields.Length}.");
        if (tokenColumn >= columns)
            throw start.Refuse($"expected the words in column {tokenColumn}, found {columns} columns.");

        string[] words = [.. sentence.Select(word => word.Fields[tokenColumn])];
        return
        [
            .. from column in Enumerable.Range(tokenColumn + 1, columns - tokenColumn - 1)
               let predicate = Array.FindIndex(sentence, word => OpensPredicate(word.Fields[column]))
               where predicate >= 0
               select new TaggedSentence(words, ToIob2(sentence, column), predicate, start.Number),
        ];
    }

    private static bool OpensPredicate(string cell) => cell.StartsWith($"({TaggedSentence.PredicateType}*", StringComparison.Ordinal);

    private static string[] ToIob2(Word[] sentence, int column)
    {
        var tags = new string[sentence.Length];
        string? open = null;
        for (int i = 0; i < tags.Length; i++)
        {
            (TextLine line, string[] fields) = sentence[i];
            Match cell = Cell().Match(fields[column]);
            if (!cell.Success)
                throw line.Refuse($"expected brackets such as (A0*, *, *) or (V*) in column {column}, found '{fields[column]}'.");

            bool opens = cell.Groups["opened"].Success, closes = cell.Groups["closed"].Success;
            if (opens && open is not null)
                throw line.Refuse($"column {column} opens '{fields[column]}' within {open}; arguments of a predicate do not overlap.");
            string? argument = opens ? cell.Groups["opened"].Value : open;
            if (closes && (argument is null || (cell.Groups["closed"].Length > 0 && cell.Groups["closed"].Value != argument)))
                throw line.Refuse($"column {column} closes '{fields[column]}', where {argument ?? "nothing"} is open.");

            tags[i] = argument is null ? "O" : $"{(opens ? 'B' : 'I')}-{argument}";
            open = closes ? null : argument;
        }

        return open is null ? tags : throw sentence[^1].Line.Refuse($"the bracket of {open} in column {column} is not closed.");
    }

    // What stands there in files of another layout: the predicates of props without their words, the document, or a word's place holder.
    private static void RefuseWhatIsNoWord(IReadOnlyList<TaggedSentence> rows, TextLine line, int tokenColumn)
    {
        IReadOnlyList<string> words = rows[0].Words;
        if (words.All(word => word == LeftOutWord))
            throw line.Refuse($"the words are left out of this file: column {tokenColumn} says {LeftOutWord}. Put them back with the corpus they are from.");
        if (words.Count > rows.Count && words.Count(word => word != NoPredicate) == rows.Count)
        {
            throw line.Refuse(
                $"column {tokenColumn} seems to hold the predicates, not the words. Paste the file of words before that of props, or name the column "
                + "with --token-column.");
        }

        if (words.Count > 1 && words[0].Contains('/') && words.All(word => word == words[0]))
            throw line.Refuse($"column {tokenColumn} says '{words[0]}' on every line, which is no word. Name the words' column with --token-column.");
    }

    [GeneratedRegex(@"^(\((?<opened>[^()*]+))?\*((?<closed>[^()*]*)\))?$")]
    private static partial Regex Cell();

    private sealed record Word(TextLine Line, string[] Fields);
}
