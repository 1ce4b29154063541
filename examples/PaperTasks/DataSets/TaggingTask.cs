namespace PaperTasks.DataSets;

/// <summary>A sentence, a tag for each word: O, or a letter that says where in its span the word stands, as in B-PER.</summary>
/// <param name="Predicate">Index of the word that the tags are about, from 0; null where they are about none.</param>
/// <param name="Line">Where the sentence begins in its file.</param>
internal sealed record TaggedSentence(IReadOnlyList<string> Words, IReadOnlyList<string> Tags, int? Predicate, int Line)
{
    /// <summary>The kind of span that is the predicate itself.</summary>
    public const string PredicateType = "V";
}

/// <summary>A task of tagging words: named entities, and the roles of predicates.</summary>
internal sealed record TaggingTask(string Name, IReadOnlyList<DataFiles> PublishedFiles, IReadOnlyList<FileFormat<TaggedSentence>> Formats)
    : PaperTask<TaggedSentence>(Name, PublishedFiles, Formats)
{
    private static readonly DataFiles Conll2003 = new("eng.train", "eng.testa");
    private static readonly DataFiles Conll04 = new("train.txt", "dev.txt");

    private static readonly FileFormat<TaggedSentence>[] Columns =
    [
        new(".txt", TaggedColumns.Read),
        new(".conll", TaggedColumns.Read),
        new("", TaggedColumns.Read),
    ];

    private static readonly FileFormat<TaggedSentence>[] Frames =
    [
        new(".jsonl", WithoutColumns(PredicateFrames.ReadJson)),
        new(".txt", ReadFrames),
        new(".props", ReadFrames),
        new("", ReadFrames),
    ];

    public static new IReadOnlyList<TaggingTask> All { get; } =
    [
        new("ner", [Conll2003, Conll04], Columns) { HasTokenColumn = true, HasLabelColumn = true },
        new("conll2003", [Conll2003], Columns) { HasTokenColumn = true, HasLabelColumn = true },
        new("conll04", [Conll04], Columns) { HasTokenColumn = true, HasLabelColumn = true },
        new("ontonotes", [], Columns) { HasTokenColumn = true, HasLabelColumn = true },
        new("srl", [new("train*.jsonl", "dev*.jsonl")], Frames) { HasTokenColumn = true },
        new("conll2005", [new("conll05.train.txt", "conll05.devel.txt")], Frames) { HasTokenColumn = true },
        new("conll2012", [new("conll2012.train.txt", "conll2012.devel.txt")], Frames) { HasTokenColumn = true },
    ];

    protected override TaggingData Gather(List<TaggedSentence> train, List<TaggedSentence> dev, DataFiles files)
    {
        IEnumerable<string> tags = train.Concat(dev).SelectMany(sentence => sentence.Tags).Distinct().Order(StringComparer.Ordinal);
        return new TaggingData([.. tags], train, dev);
    }

    // The official code's lines and the columns of CoNLL are told apart by what stands in them: their names are anyone's.
    private static IEnumerable<TaggedSentence> ReadFrames(string file, Reading reading) =>
        TextLine.Read(file).FirstOrDefault() is { Text: { } first } && first.Contains(PredicateFrames.Separator)
            ? WithoutColumns(PredicateFrames.ReadLines)(file, reading)
            : Propositions.Read(file, reading);

    private static Func<string, Reading, IEnumerable<TaggedSentence>> WithoutColumns(Func<string, IEnumerable<TaggedSentence>> read) =>
        (file, reading) => reading.TokenColumn is null
            ? read(file)
            : throw new InvalidDataException($"{file}: --token-column is for files with a word a line; this one has no columns.");
}
