using Microsoft.ML.PTuning;

namespace PaperTasks.DataSets;

/// <summary>A sentence, a tag for each word: O, or a letter that says where in its span the word stands, as in B-PER.</summary>
/// <param name="Predicate">Index of the word that the tags are about, from 0; null where they are about none.</param>
/// <param name="Line">Where the sentence begins in its file.</param>
internal sealed record TaggedSentence(IReadOnlyList<string> Words, IReadOnlyList<string> Tags, int? Predicate, int Line) : IDataRow
{
    /// <summary>The kind of span that is the predicate itself.</summary>
    public const string PredicateType = "V";

    public object Source => Line;

    public string Text => string.Join(' ', Words);

    /// <summary>Whether a span of the kind is the predicate, or a further piece of it.</summary>
    public static bool IsPredicate(string type) => type is PredicateType or $"C-{PredicateType}";
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
        new(".jsonl", PredicateFrames.ReadJson),
        new(".txt", PredicateFrames.ReadText),
        new(".conll", PredicateFrames.ReadText),
        new("", PredicateFrames.ReadText),
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

    public override PTuningV2Trainer.Options Defaults => new PTuningV2Trainer.NamedEntityOptions();

    public override bool HasPooling => false;

    protected override TaggingData Gather(List<TaggedSentence> train, List<TaggedSentence> dev, DataFiles files)
    {
        IEnumerable<string> tags = train.Concat(dev).SelectMany(sentence => sentence.Tags).Distinct().Order(StringComparer.Ordinal);
        return new TaggingData([.. tags], train, dev);
    }
}
