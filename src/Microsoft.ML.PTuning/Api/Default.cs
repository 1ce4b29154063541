namespace Microsoft.ML.PTuning;

/// <summary>The defaults that options classes and the catalog's named parameters share; docs/defaults.md has how they were chosen.</summary>
internal static class Default
{
    public const string Label = "Label", Sentence1 = "Sentence1", Score = "Score", PredictedLabel = "PredictedLabel", Probability = "Probability";

    public const string Entities = "Entities", Choices = "Choices";

    public const string Context = "Context", Question = "Question", TrainingAnswer = "TrainingAnswer", AnswerIndex = "AnswerIndex", Answer = "Answer";

    public const string Text = "Text", GeneratedText = "GeneratedText";

    public const int MaxNewTokens = 64;

    public const int TopK = 3, NBest = 20;

    public const int PrefixLength = 20, BatchSize = 32, MaxEpochs = 0, MaxLength = 128, AnswerMaxLength = 384;

    public const double LearningRate = 1e-2;

    /// <summary>Chosen on held-out pairs of STS-B (docs/defaults.md).</summary>
    public const double NumberLearningRate = 2e-2;

    /// <summary>Heads that read every token want more than those that read one vector.</summary>
    public const int TokenPrefixLength = 50;

    /// <inheritdoc cref="TokenPrefixLength"/>
    public const double TokenLearningRate = 2e-2;
}
