using System.Globalization;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>Finds the task and its columns where the command line does not name them.</summary>
internal static class TaskGuess
{
    // A label with more different numbers than this is a number, not a class.
    private const int MostNumberedClasses = 20;

    private static readonly string[] s_labels = ["label", "labels", "class", "category", "target", "ner_tags", "tags", "answer", "score"];
    private static readonly string[] s_words = ["words", "tokens"];

    private static readonly (string First, string Second)[] s_pairs =
    [
        ("sentence1", "sentence2"), ("text1", "text2"), ("text_a", "text_b"), ("premise", "hypothesis"), ("question1", "question2"), ("question", "sentence"),
        ("question", "passage"), ("query", "document"),
    ];

    /// <param name="task">What <c>--task</c> names; null to guess.</param>
    /// <param name="label">What <c>--label</c> names; null to guess.</param>
    /// <param name="texts">What <c>--text</c> names; none to guess.</param>
    /// <exception cref="DataException">A column is not there, or the columns do not tell the task.</exception>
    public static (ToolTask Task, TaskColumns Columns) Of(DataTable table, string? task, string? label, IReadOnlyList<string> texts)
    {
        var names = table.Columns.Select(column => column.Name).ToList();
        if (names.Contains(SquadReader.Context) && names.Contains(SquadReader.Question) && names.Contains(SquadReader.AnswerStart) && task is null or "answers")
            return Answers(table, label, texts);

        var labelName = label is null ? Label(table) : names[table.IndexOf(label)];
        var chosen = task is null ? Task(table, table.IndexOf(labelName), texts) : ToolTask.Named(task);
        if (chosen is AnswersTask)
            return Answers(table, label, texts);

        List<string> read = texts.Count > 0 ? [.. texts.Select(text => names[table.IndexOf(text)])] : Texts(table, chosen, labelName);
        chosen.RequireTexts(read.Count);
        if (read.Contains(labelName))
            throw new DataException($"The column '{labelName}' is both the label and a text. Name another one with --text or --label.");
        return (chosen, new TaskColumns(labelName, read));
    }

    private static (ToolTask, TaskColumns) Answers(DataTable table, string? label, IReadOnlyList<string> texts)
    {
        string Name(string column) => table.Columns[table.IndexOf(column)].Name;
        var (context, question) = texts.Count == 2 ? (texts[0], texts[1]) : (SquadReader.Context, SquadReader.Question);
        return (ToolTask.Named("answers"), new TaskColumns(Name(label ?? SquadReader.Answer), [Name(context), Name(question)])
        {
            AnswerStart = Name(SquadReader.AnswerStart),
        });
    }

    private static string Label(DataTable table) =>
        s_labels.Select(name => table.Columns.FirstOrDefault(column => column.Name.Equals(name, StringComparison.OrdinalIgnoreCase))?.Name).FirstOrDefault(name => name is not null)
        ?? throw new DataException(
            $"{table.Name} has no column that is called like a label. Name it with --label: one of {DataTable.Names(table.Columns)}. "
            + "If these are a row and not names, say --no-header.");

    private static ToolTask Task(DataTable table, int label, IReadOnlyList<string> texts)
    {
        if (table.Columns[label].IsList)
        {
            var words = texts.Count == 1 ? table.IndexOf(texts[0]) : Words(table, label);
            return ToolTask.Named(words >= 0 && table.Columns[words].IsList && SameLengths(table, words, label) ? "tags" : "multi-label");
        }

        var values = table.Rows.Select(row => row.Text(label)).Where(text => text.Length > 0).ToList();
        var numbers = values.Where(value => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _)).ToList();
        var areNumbers = values.Count > 0 && numbers.Count >= 0.98 * values.Count;
        var haveFractions = numbers.Any(number => number.Contains('.', StringComparison.Ordinal) && !number.EndsWith(".0", StringComparison.Ordinal));
        return ToolTask.Named(areNumbers && (haveFractions || numbers.Distinct().Count() > MostNumberedClasses) ? "regression" : "classification");
    }

    private static List<string> Texts(DataTable table, ToolTask task, string label)
    {
        var others = table.Columns.Where(column => column.Name != label).ToList();
        if (task is ChoicesTask)
            return Choices(table, others);
        if (task is TagsTask)
            return Words(table, table.IndexOf(label)) is >= 0 and var words ? [table.Columns[words].Name] : [];

        string? Find(string name) => others.FirstOrDefault(column => column.Name.Equals(name, StringComparison.OrdinalIgnoreCase))?.Name;
        foreach (var (first, second) in s_pairs)
            if (Find(first) is { } one && Find(second) is { } two)
                return [one, two];

        // The column with the most words per row.
        var texts = others.Where(column => !column.IsList).ToList();
        var longest = texts.MaxBy(column => AverageWords(table, table.IndexOf(column.Name)));
        return longest is null ? [] : [longest.Name];
    }

    // The text and the list that the choices are in.
    private static List<string> Choices(DataTable table, List<DataColumn> others)
    {
        var lists = others.Where(column => column.IsList).ToList();
        var text = others.Where(column => !column.IsList).MaxBy(column => AverageWords(table, table.IndexOf(column.Name)));
        var choices = lists.FirstOrDefault(column => column.Name == JoinedColumns.Name) ?? (lists.Count == 1 ? lists[0] : null);
        return text is null || choices is null ? [] : [text.Name, choices.Name];
    }

    private static int Words(DataTable table, int label)
    {
        for (var i = 0; i < table.Columns.Count; i++)
            if (i != label && s_words.Contains(table.Columns[i].Name.ToLowerInvariant()))
                return i;
        for (var i = 0; i < table.Columns.Count; i++)
            if (i != label && table.Columns[i].IsList && SameLengths(table, i, label))
                return i;
        return -1;
    }

    private static bool SameLengths(DataTable table, int first, int second) =>
        table.Rows.Take(200).All(row => row.List(first).Length == row.List(second).Length);

    private static double AverageWords(DataTable table, int column) =>
        table.Rows.Take(1000).Select(row => (double)row.List(column).Length).DefaultIfEmpty(0).Average();
}
