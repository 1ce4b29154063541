using Microsoft.ML.PTuning;

namespace PaperTasks.DataSets;

/// <summary>A question and the text in which its answer stands.</summary>
/// <param name="Answers">What annotators answered, the training answer first; empty where the text does not say.</param>
/// <param name="AnswerIndex">Where the training answer begins in <paramref name="Context"/>, an index of the string; -1 where it stands nowhere.</param>
/// <param name="Id">The question's in its file.</param>
internal sealed record TextQuestion(string Question, string Context, IReadOnlyList<string> Answers, int AnswerIndex, string Id) : IDataRow
{
    public object Source => Context;

    public string Text => Context;

    /// <summary>The answer to learn, empty where the text does not say.</summary>
    public string TrainingAnswer => Answers.Count > 0 ? Answers[0] : "";
}

/// <summary>A task of finding the answer to a question in a text.</summary>
internal sealed record AnswerTask(string Name, IReadOnlyList<DataFiles> PublishedFiles, IReadOnlyList<FileFormat<TextQuestion>> Formats)
    : PaperTask<TextQuestion>(Name, PublishedFiles, Formats)
{
    public static new IReadOnlyList<AnswerTask> All { get; } =
    [
        new("squad", [new("train-v1.1*.json", "dev-v1.1*.json")], [new(".json", Squad.Read)]),
        new("squad2", [new("train-v2.0*.json", "dev-v2.0*.json"), new("v2.0-train*.json", "v2.0-dev*.json")], [new(".json", Squad.Read)]),
    ];

    public override PTuningV2Trainer.Options Defaults => new PTuningV2Trainer.QuestionAnswerOptions();

    public override bool HasPooling => false;

    protected override AnswerData Gather(List<TextQuestion> train, List<TextQuestion> dev, DataFiles files) => new(train, dev);
}
