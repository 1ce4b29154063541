namespace PaperTasks.DataSets;

/// <summary>The rows of a task, and what its trainer must know of them.</summary>
internal abstract record TaskData
{
    public abstract int TrainRows { get; }

    public abstract int DevRows { get; }
}

/// <summary>Rows of a type.</summary>
internal abstract record TaskData<TRow>(IReadOnlyList<TRow> Train, IReadOnlyList<TRow> Dev) : TaskData
{
    public sealed override int TrainRows => Train.Count;

    public sealed override int DevRows => Dev.Count;
}

/// <summary>Texts or pairs of texts with a label.</summary>
/// <param name="Labels">The classes in ordinal order, those of the development rows among them; empty where labels are numbers.</param>
internal sealed record SentenceData(
    Measures Measures, bool IsPair, IReadOnlyList<string> Labels, IReadOnlyList<Example> Train, IReadOnlyList<Example> Dev)
    : TaskData<Example>(Train, Dev)
{
    public bool IsRegression => Measures == Measures.Correlation;
}

/// <summary>Sentences whose words are tagged.</summary>
/// <param name="Tags">The tags in ordinal order, those of the development rows among them.</param>
internal sealed record TaggingData(IReadOnlyList<string> Tags, IReadOnlyList<TaggedSentence> Train, IReadOnlyList<TaggedSentence> Dev)
    : TaskData<TaggedSentence>(Train, Dev)
{
    /// <summary>Whether each sentence is tagged for one of its words, a predicate.</summary>
    public bool HasPredicates => Train[0].Predicate is not null;
}

/// <summary>Questions whose answers stand in a text.</summary>
internal sealed record AnswerData(IReadOnlyList<TextQuestion> Train, IReadOnlyList<TextQuestion> Dev) : TaskData<TextQuestion>(Train, Dev);

/// <summary>Premises with as many choices each.</summary>
internal sealed record ChoiceData(IReadOnlyList<ChoiceQuestion> Train, IReadOnlyList<ChoiceQuestion> Dev) : TaskData<ChoiceQuestion>(Train, Dev)
{
    public int Choices => Train[0].Choices.Count;
}
