using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Persistence;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Tasks over columns of the usual names.</summary>
internal static class Any
{
    public static MulticlassClassification Classification(int classes) => Classification(new LabelValues(classes, itemType: null, values: null));

    public static MulticlassClassification Classification(LabelValues labels) => new()
    {
        LabelColumnName = "Label",
        Sentence1ColumnName = "Sentence1",
        ScoreColumnName = "Score",
        PredictedLabelColumnName = "PredictedLabel",
        MaxLength = 12,
        Labels = labels,
    };

    public static BinaryClassification BinaryClassification { get; } = new()
    {
        LabelColumnName = "Label",
        Sentence1ColumnName = "Sentence1",
        ScoreColumnName = "Score",
        PredictedLabelColumnName = "PredictedLabel",
        ProbabilityColumnName = "Probability",
        MaxLength = 12,
    };

    /// <summary>Classes named 0, 1, ...; 0 for those that the data will tell.</summary>
    public static MultiLabelClassification MultiLabel(int classes) => new()
    {
        LabelColumnName = "Label",
        Sentence1ColumnName = "Sentence1",
        ScoreColumnName = "Score",
        PredictedLabelColumnName = "PredictedLabel",
        MaxLength = 12,
        HasTexts = true,
        Labels = classes == 0 ? null : new LabelValues(classes, "Text", [.. Enumerable.Range(0, classes).Select(i => $"{i}")]),
    };

    public static TextRegression Regression { get; } = new()
    {
        LabelColumnName = "Label",
        Sentence1ColumnName = "Sentence1",
        ScoreColumnName = "Score",
        MaxLength = 12,
    };

    public static MultipleChoice Choice { get; } = new()
    {
        LabelColumnName = "Label",
        Sentence1ColumnName = "Sentence1",
        ChoicesColumnName = "Choices",
        ScoreColumnName = "Score",
        PredictedLabelColumnName = "PredictedLabel",
        MaxLength = 12,
    };

    /// <summary>Tagging with tags of no meaning.</summary>
    public static NamedEntityRecognition Tagging(int tags) => Tagging([.. Enumerable.Range(0, tags).Select(i => $"TAG{i}")]);

    public static NamedEntityRecognition Tagging(params string[] tags) => new()
    {
        LabelColumnName = "Label",
        Sentence1ColumnName = "Sentence1",
        PredictedLabelColumnName = "PredictedLabel",
        ScoreColumnName = "Score",
        EntitiesColumnName = "Entities",
        Words = WordSource.Given,
        Labels = new LabelValues(tags.Length, "Text", tags),
        MaxLength = 12,
    };

    public static TextGeneration Writing(GenerationSettings? generation = null) => new()
    {
        TextColumnName = "Text",
        LabelColumnName = "Label",
        GeneratedTextColumnName = "GeneratedText",
        CandidatesColumnName = "Candidates",
        ScoreColumnName = "Score",
        Generation = generation ?? new(),
        MaxLength = 12,
    };

    /// <summary>The document of a saved model with a task.</summary>
    public static PromptDocument Document(PromptTask task) => new()
    {
        Task = task,
        Method = new DeepPrefix { PrefixLength = 20 },
        Backbone = new BackboneReference
        {
            Kind = BackboneKind.Hub,
            Name = "organisation/name",
            ModelType = "bert",
            HiddenSize = 8,
            Layers = 2,
            Heads = 2,
            VocabularySize = 30,
            FeedForwardSize = 12,
            Activation = "gelu",
            MaxPositionEmbeddings = 16,
            LayerNormEpsilon = 1e-5,
            PadTokenId = 0,
            Weights = new() { ["model.safetensors"] = new string('a', 64) },
            Tokenizer = [],
        },
    };

    /// <summary>A row with a target, of one token.</summary>
    public static Example Example(float target) => new([Part(target)], IsTruncated: false);

    /// <inheritdoc cref="Example"/>
    public static ExamplePart Part(float target) => new([new([2], [0])], [target]);
}
