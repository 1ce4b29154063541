using Microsoft.ML.PTuning;

namespace PaperTasks.DataSets;

/// <summary>Facts, and the texts that say them.</summary>
/// <param name="Facts">By their names, in the order of the file.</param>
/// <param name="References">The right texts, one at least. Each is a row of the training.</param>
/// <param name="Line">Where the facts stand first in their file.</param>
internal sealed record DescribedFacts(IReadOnlyList<KeyValuePair<string, string>> Facts, IReadOnlyList<string> References, int Line) : IDataRow
{
    /// <summary>The facts as a language model reads them (Li &amp; Liang 2021): <c>name : Ann Grey | born : 1821</c>.</summary>
    public string Text { get; } = string.Join(" | ", Facts.Select(fact => $"{fact.Key} : {fact.Value}"));

    public object Source => Text;
}

/// <summary>A task of writing a text.</summary>
internal sealed record WritingTask(string Name, IReadOnlyList<DataFiles> PublishedFiles, IReadOnlyList<FileFormat<DescribedFacts>> Formats)
    : PaperTask<DescribedFacts>(Name, PublishedFiles, Formats)
{
    public static new IReadOnlyList<WritingTask> All { get; } =
        [new("e2e", [new("trainset.csv", "devset.csv"), new("train-fixed*.csv", "devel-fixed*.csv")], [new(".csv", E2e.Read)])];

    public override PTuningV2Trainer.Options Defaults => new PTuningV2Trainer.TextGenerationOptions();

    public override bool HasPooling => false;

    public override bool Writes => true;

    protected override WritingData Gather(List<DescribedFacts> train, List<DescribedFacts> dev, DataFiles files) => new(train, dev);
}
