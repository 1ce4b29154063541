namespace PaperTasks.DataSets;

/// <summary>A premise and the texts that may go with it.</summary>
/// <param name="Right">Index of the right choice, from 0.</param>
/// <param name="Line">Where the row stands in its file.</param>
internal sealed record ChoiceQuestion(string Premise, IReadOnlyList<string> Choices, int Right, int Line) : IDataRow
{
    public object Source => Line;

    public string Text => Premise;
}

/// <summary>A task of choosing one of several texts.</summary>
internal sealed record ChoiceTask(string Name, IReadOnlyList<DataFiles> PublishedFiles, IReadOnlyList<FileFormat<ChoiceQuestion>> Formats)
    : PaperTask<ChoiceQuestion>(Name, PublishedFiles, Formats)
{
    public static new IReadOnlyList<ChoiceTask> All { get; } = [new("copa", [SuperGlue.Files], [new(".jsonl", SuperGlue.ReadCopa)])];

    protected override ChoiceData Gather(List<ChoiceQuestion> train, List<ChoiceQuestion> dev, DataFiles files) => new(train, dev);
}
