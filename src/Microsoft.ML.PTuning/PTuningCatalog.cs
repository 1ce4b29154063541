using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML;

/// <summary>P-Tuning v2 on the trainer catalogs of an <see cref="MLContext"/>: a method per task.</summary>
/// <remarks>The named parameters are the usual ones; the overload with an options class has all. Their defaults are the same.</remarks>
public static partial class PTuningCatalog
{
    /// <summary>One class of several for a text, or for a pair of texts.</summary>
    /// <param name="labelColumnName">The label, a key (<c>MapValueToKey</c>).</param>
    /// <param name="sentence1ColumnName">The text, or the first text of a pair.</param>
    /// <param name="sentence2ColumnName">The second text of a pair; null for single texts.</param>
    /// <param name="scoreColumnName">The probabilities, one per class, in the order of the key.</param>
    /// <param name="predictedLabelColumnName">The predicted class, a key.</param>
    /// <param name="backbone">A folder in Hugging Face layout, a hub id that is on this machine, or a bundled encoder's name; null for the default encoder.</param>
    /// <param name="prefixLength">Prefix vectors per layer.</param>
    /// <param name="learningRate">AdamW's learning rate.</param>
    /// <param name="batchSize">Rows of a training step.</param>
    /// <param name="maxEpochs">Passes over the training rows; 0 for a number that follows from theirs (<see cref="TrainingOptions.MaxEpochs"/>).</param>
    /// <param name="validationSet">Rows that choose the best epoch; null to keep the last.</param>
    /// <exception cref="ArgumentException">An output column has the name of the label, of a text or of another output.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static PTuningV2Trainer PTuningV2(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        string? backbone = null,
        int prefixLength = 20,
        double learningRate = 1e-2,
        int batchSize = 32,
        int maxEpochs = 0,
        IDataView? validationSet = null) =>
        catalog.PTuningV2(Trained(new PTuningV2Trainer.Options
        {
            LabelColumnName = labelColumnName,
            Sentence1ColumnName = sentence1ColumnName,
            Sentence2ColumnName = sentence2ColumnName,
            ScoreColumnName = scoreColumnName,
            PredictedLabelColumnName = predictedLabelColumnName,
        }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

    /// <summary>One class of several for a text, or for a pair of texts.</summary>
    public static PTuningV2Trainer PTuningV2(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        RefuseOtherTask(options);
        return new PTuningV2Trainer(CatalogUtils.GetEnvironment(catalog), options, new MulticlassClassification
        {
            LabelColumnName = options.LabelColumnName,
            Sentence1ColumnName = options.Sentence1ColumnName,
            Sentence2ColumnName = options.Sentence2ColumnName,
            ScoreColumnName = options.ScoreColumnName,
            PredictedLabelColumnName = options.PredictedLabelColumnName,
            Pooling = options.Pooling,
            MaxLength = options.MaxLength,
        });
    }

    /// <summary>True or false for a text, or for a pair of texts.</summary>
    /// <param name="labelColumnName">The label, Boolean.</param>
    /// <param name="scoreColumnName">The difference of the two logits; more than 0 is true.</param>
    /// <param name="predictedLabelColumnName">The predicted class, Boolean.</param>
    /// <param name="probabilityColumnName">The probability of true.</param>
    /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
    public static PTuningV2Trainer PTuningV2(
        this BinaryClassificationCatalog.BinaryClassificationTrainers catalog,
        string labelColumnName = "Label",
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        string probabilityColumnName = "Probability",
        string? backbone = null,
        int prefixLength = 20,
        double learningRate = 1e-2,
        int batchSize = 32,
        int maxEpochs = 0,
        IDataView? validationSet = null) =>
        catalog.PTuningV2(Trained(new PTuningV2Trainer.Options
        {
            LabelColumnName = labelColumnName,
            Sentence1ColumnName = sentence1ColumnName,
            Sentence2ColumnName = sentence2ColumnName,
            ScoreColumnName = scoreColumnName,
            PredictedLabelColumnName = predictedLabelColumnName,
            ProbabilityColumnName = probabilityColumnName,
        }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

    /// <summary>True or false for a text, or for a pair of texts.</summary>
    public static PTuningV2Trainer PTuningV2(
        this BinaryClassificationCatalog.BinaryClassificationTrainers catalog, PTuningV2Trainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        RefuseOtherTask(options);
        return new PTuningV2Trainer(CatalogUtils.GetEnvironment(catalog), options, new BinaryClassification
        {
            LabelColumnName = options.LabelColumnName,
            Sentence1ColumnName = options.Sentence1ColumnName,
            Sentence2ColumnName = options.Sentence2ColumnName,
            ScoreColumnName = options.ScoreColumnName,
            PredictedLabelColumnName = options.PredictedLabelColumnName,
            ProbabilityColumnName = options.ProbabilityColumnName,
            Pooling = options.Pooling,
            MaxLength = options.MaxLength,
        });
    }

    /// <summary>A number for a text, or for a pair of texts (such as their similarity).</summary>
    /// <param name="labelColumnName">The label, Single, of any scale.</param>
    /// <param name="scoreColumnName">The predicted number.</param>
    /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
    public static PTuningV2Trainer PTuningV2(
        this RegressionCatalog.RegressionTrainers catalog,
        string labelColumnName = "Label",
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        string scoreColumnName = "Score",
        string? backbone = null,
        int prefixLength = 20,
        double learningRate = 1e-2,
        int batchSize = 32,
        int maxEpochs = 0,
        IDataView? validationSet = null) =>
        catalog.PTuningV2(Trained(new PTuningV2Trainer.Options
        {
            LabelColumnName = labelColumnName,
            Sentence1ColumnName = sentence1ColumnName,
            Sentence2ColumnName = sentence2ColumnName,
            ScoreColumnName = scoreColumnName,
        }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

    /// <summary>A number for a text, or for a pair of texts (such as their similarity).</summary>
    public static PTuningV2Trainer PTuningV2(this RegressionCatalog.RegressionTrainers catalog, PTuningV2Trainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        RefuseOtherTask(options);
        return new PTuningV2Trainer(CatalogUtils.GetEnvironment(catalog), options, new TextRegression
        {
            LabelColumnName = options.LabelColumnName,
            Sentence1ColumnName = options.Sentence1ColumnName,
            Sentence2ColumnName = options.Sentence2ColumnName,
            ScoreColumnName = options.ScoreColumnName,
            Pooling = options.Pooling,
            MaxLength = options.MaxLength,
        });
    }

    // Options of other tasks derive from these, and would be half ignored.
    private static void RefuseOtherTask(PTuningV2Trainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.GetType() != typeof(PTuningV2Trainer.Options))
            throw new ArgumentException(
                $"{options.GetType().Name} are the options of another task. Hand them to its own method on the multiclass trainers, "
                + "PTuningV2NamedEntityRecognition, PTuningV2QuestionAnswer or PTuningV2MultipleChoice.", nameof(options));
    }

    // The named parameters that all tasks have.
    private static TOptions Trained<TOptions>(
        TOptions options, string? backbone, int prefixLength, double learningRate, int batchSize, int maxEpochs, IDataView? validationSet)
        where TOptions : PTuningV2Trainer.Options
    {
        options.Backbone = backbone;
        options.PrefixLength = prefixLength;
        options.LearningRate = learningRate;
        options.BatchSize = batchSize;
        options.MaxEpochs = maxEpochs;
        options.ValidationSet = validationSet;
        return options;
    }
}
