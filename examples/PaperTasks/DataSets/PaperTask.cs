namespace PaperTasks.DataSets;

/// <summary>A way to read a task's files, chosen by their extension.</summary>
internal sealed record FileFormat(string Extension, Func<string, IEnumerable<Example>> Read);

/// <summary>A task by its name on the command line: what is measured, the files that publish it, and how they are read.</summary>
/// <param name="PublishedFiles">Pairs of training and development file; the first pair that a folder holds is taken.</param>
internal sealed record PaperTask(string Name, Measures Measures, IReadOnlyList<DataFiles> PublishedFiles, IReadOnlyList<FileFormat> Formats)
{
    private static readonly DataFiles SuperGlue = new("train.jsonl", "val.jsonl");
    private static readonly DataFiles Glue = new("train.tsv", "dev.tsv");

    public static IReadOnlyList<PaperTask> All { get; } =
    [
        new("rte", Measures.Accuracy, [SuperGlue, Glue],
        [
            new(".jsonl", file => JsonLines.Read(file, "premise", "hypothesis", "label")),
            new(".tsv", file => TabSeparated.ReadWithHeader(file, "sentence1", "sentence2", "label")),
        ]),
        new("cb", Measures.AccuracyAndMacroF1, [SuperGlue],
        [
            new(".jsonl", file => JsonLines.Read(file, "premise", "hypothesis", "label")),
        ]),
        new("boolq", Measures.Accuracy, [SuperGlue],
        [
            new(".jsonl", file => JsonLines.Read(file, "question", "passage", "label")),
        ]),
        new("sst2", Measures.Accuracy, [Glue],
        [
            new(".tsv", file => TabSeparated.ReadWithHeader(file, "sentence", null, "label")),
        ]),
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
        new("tsv", Measures.FromLabels, [],
        [
            new(".tsv", TabSeparated.ReadPlain),
            new(".txt", TabSeparated.ReadPlain),
        ]),
    ];

    public static PaperTask Named(string name) => All.Single(task => task.Name == name);

    /// <summary>Reads a file in the format of its extension.</summary>
    public IEnumerable<Example> Read(string file)
    {
        FileFormat? format = Formats.FirstOrDefault(format => format.Extension == Path.GetExtension(file));
        return format?.Read(file)
            ?? throw new InvalidDataException($"{file}: {Name} is read from {string.Join(" or ", Formats.Select(format => format.Extension))} files.");
    }
}
