using System.Globalization;

namespace PaperTasks.DataSets;

/// <summary>The rows of a task, and what its trainer must know of them.</summary>
/// <param name="Labels">The classes in ordinal order, those of the development rows among them; empty where labels are numbers.</param>
internal sealed record TaskData(Measures Measures, bool IsPair, IReadOnlyList<string> Labels, IReadOnlyList<Example> Train, IReadOnlyList<Example> Dev)
{
    public bool IsRegression => Measures == Measures.Correlation;

    /// <summary>Reads both files.</summary>
    /// <param name="task">The task.</param>
    /// <param name="files">Its files.</param>
    /// <param name="limit">How many training rows to keep, the first ones; null for all.</param>
    public static TaskData Read(PaperTask task, DataFiles files, int? limit)
    {
        IEnumerable<Example> rows = task.Read(files.Train);
        List<Example> train = [.. limit is { } count ? rows.Take(count) : rows];
        List<Example> dev = [.. task.Read(files.Dev)];
        RequireRows(train, files.Train);
        RequireRows(dev, files.Dev);

        bool isPair = train[0].Sentence2 is not null;
        if (isPair != dev[0].Sentence2 is not null)
            throw new InvalidDataException($"{files.Train} has {(isPair ? "two texts" : "one text")} a row, {files.Dev} {(isPair ? "one" : "two")}.");

        Measures measures = task.Measures == Measures.FromLabels ? Infer(train) : task.Measures;
        if (measures == Measures.Correlation)
        {
            RequireNumbers(train, files.Train);
            RequireNumbers(dev, files.Dev);
        }

        List<string> labels = measures == Measures.Correlation ? [] : [.. train.Concat(dev).Select(row => row.Label).Distinct().Order(StringComparer.Ordinal)];
        return new TaskData(measures, isPair, labels, train, dev);
    }

    private static Measures Infer(List<Example> rows)
    {
        bool numbers = rows.TrueForAll(row => IsNumber(row.Label)) && rows.Exists(row => row.Label.Contains('.'));
        return numbers ? Measures.Correlation : Measures.Accuracy;
    }

    private static bool IsNumber(string label) =>
        float.TryParse(label, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value);

    private static void RequireRows(List<Example> rows, string file)
    {
        if (rows.Count == 0)
            throw new InvalidDataException($"{file}: expected rows, found none.");
    }

    private static void RequireNumbers(List<Example> rows, string file)
    {
        if (rows.Find(row => !IsNumber(row.Label)) is { } wrong)
            throw new InvalidDataException($"{file}, line {wrong.Line}: expected a number as the score, found '{wrong.Label}'.");
    }
}
