using System.Globalization;

namespace PaperTasks.DataSets;

/// <summary>A task of a text or a pair of texts with one label.</summary>
internal sealed record SentenceTask(
    string Name, Measures Measures, IReadOnlyList<DataFiles> PublishedFiles, IReadOnlyList<FileFormat<Example>> Formats)
    : PaperTask<Example>(Name, PublishedFiles, Formats)
{
    private static readonly DataFiles Glue = new("train.tsv", "dev.tsv");

    public static new IReadOnlyList<SentenceTask> All { get; } =
    [
        new("rte", Measures.Accuracy, [SuperGlue.Files, Glue],
        [
            new(".jsonl", file => SuperGlue.ReadPairs(file, "premise", "hypothesis")),
            new(".tsv", file => TabSeparated.ReadWithHeader(file, "sentence1", "sentence2", "label")),
        ]),
        new("cb", Measures.AccuracyAndMacroF1, [SuperGlue.Files], [new(".jsonl", file => SuperGlue.ReadPairs(file, "premise", "hypothesis"))]),
        new("boolq", Measures.Accuracy, [SuperGlue.Files], [new(".jsonl", file => SuperGlue.ReadPairs(file, "question", "passage"))]),
        new("multirc", Measures.EveryCandidate, [SuperGlue.Files], [new(".jsonl", SuperGlue.ReadMultiRc)]),
        new("record", Measures.BestCandidate, [SuperGlue.Files], [new(".jsonl", SuperGlue.ReadRecord)]),
        new("wic", Measures.Accuracy, [SuperGlue.Files], [new(".jsonl", SuperGlue.ReadWic)]) { HasTemplates = true },
        new("wsc", Measures.Accuracy, [SuperGlue.Files], [new(".jsonl", SuperGlue.ReadWsc)]) { HasTemplates = true },
        new("sst2", Measures.Accuracy, [Glue], [new(".tsv", file => TabSeparated.ReadWithHeader(file, "sentence", null, "label"))]),
        new("stsb", Measures.Correlation, [new("sts-train.csv", "sts-dev.csv"), Glue],
        [
            new(".csv", file => TabSeparated.Read(file, sentence1: 5, sentence2: 6, label: 4)),
            new(".tsv", file => TabSeparated.ReadWithHeader(file, "sentence1", "sentence2", "score")),
        ]),
        new("mrpc", Measures.AccuracyAndF1, [new("msr_paraphrase_train.txt", "msr_paraphrase_test.txt"), Glue],
        [
            new(".txt", file => TabSeparated.ReadWithHeader(file, "#1 String", "#2 String", "Quality")),
            new(".tsv", file => TabSeparated.ReadWithHeader(file, "#1 String", "#2 String", "Quality")),
        ]),
        new("agnews", Measures.Accuracy, [new("train.csv", "test.csv")],
        [
            new(".csv", CommaSeparated.ReadAgNews),
            new(".tsv", file => TabSeparated.Read(file, sentence1: 0, sentence2: null, label: 1)),
        ]),
        new("squad-topics", Measures.Accuracy, [new("train-v1.1*.json", "train-v1.1*.json")], [new(".json", SquadTopics.Read)]) { HasOneFile = true },
        new("tsv", Measures.FromLabels, [], [new(".tsv", TabSeparated.ReadPlain), new(".txt", TabSeparated.ReadPlain)])
        {
            HasLabelColumn = true,
            MayHaveHeader = true,
        },
    ];

    public override bool HasPatterns => Measures != Measures.Correlation;

    protected override SentenceData Gather(List<Example> train, List<Example> dev, DataFiles files)
    {
        bool isPair = train[0].Sentence2 is not null;
        if (isPair != dev[0].Sentence2 is not null)
            throw new InvalidDataException($"{files.Train} has {(isPair ? "two texts" : "one text")} a row, {files.Dev} {(isPair ? "one" : "two")}.");

        Measures measures = Measures == Measures.FromLabels ? Infer(train) : Measures;
        if (measures == Measures.Correlation)
        {
            RequireNumbers(train, files.Train);
            RequireNumbers(dev, files.Dev);
        }

        IEnumerable<string> labels = measures == Measures.Correlation ? [] : train.Concat(dev).Select(row => row.Label).Distinct();
        return new SentenceData(measures, isPair, [.. labels.Order(StringComparer.Ordinal)], train, dev);
    }

    // Where several rows answer a question, questions are counted: one cut in half could not be judged.
    protected override IEnumerable<Example> First(IEnumerable<Example> rows, int count)
    {
        int questions = 0;
        string? question = null;
        foreach (Example row in rows)
        {
            if (row.Candidate is null || row.Candidate.Question != question)
                questions++;
            if (questions > count)
                yield break;

            question = row.Candidate?.Question;
            yield return row;
        }
    }

    private static Measures Infer(List<Example> rows)
    {
        bool numbers = rows.TrueForAll(row => IsNumber(row.Label)) && rows.Exists(row => row.Label.Contains('.'));
        return numbers ? Measures.Correlation : Measures.Accuracy;
    }

    private static bool IsNumber(string label) =>
        float.TryParse(label, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value);

    private static void RequireNumbers(List<Example> rows, string file)
    {
        if (rows.Find(row => !IsNumber(row.Label)) is { } wrong)
            throw new InvalidDataException($"{file}, line {wrong.Line}: expected a number as the score, found '{wrong.Label}'.");
    }
}
