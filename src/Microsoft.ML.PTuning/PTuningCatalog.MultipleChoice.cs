using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML;

public static partial class PTuningCatalog
{
    /// <summary>The best of a row's choices for its premise.</summary>
    /// <param name="labelColumnName">
    /// The index of the right choice, from 0: an Int32, or a UInt32 with the attribute <c>[KeyType(count)]</c>, which ML.NET's <c>Evaluate</c> needs.
    /// </param>
    /// <param name="sentence1ColumnName">The premise, a text.</param>
    /// <param name="choicesColumnName">The choices, a vector of text; rows may have different numbers of them.</param>
    /// <param name="scoreColumnName">The probabilities, one per choice.</param>
    /// <param name="predictedLabelColumnName">The best choice, a key: read into a UInt32, 1 is the first choice; 0 where there is none.</param>
    /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
    public static PTuningV2Trainer PTuningV2MultipleChoice(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string sentence1ColumnName = "Sentence1",
        string choicesColumnName = "Choices",
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        string? backbone = null,
        int prefixLength = 20,
        double learningRate = 1e-2,
        int batchSize = 32,
        int maxEpochs = 0,
        IDataView? validationSet = null) =>
        catalog.PTuningV2MultipleChoice(Trained(new PTuningV2Trainer.MultipleChoiceOptions
        {
            LabelColumnName = labelColumnName,
            Sentence1ColumnName = sentence1ColumnName,
            ChoicesColumnName = choicesColumnName,
            ScoreColumnName = scoreColumnName,
            PredictedLabelColumnName = predictedLabelColumnName,
        }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

    /// <summary>The best of a row's choices for its premise.</summary>
    public static PTuningV2Trainer PTuningV2MultipleChoice(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.MultipleChoiceOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new PTuningV2Trainer(CatalogUtils.GetEnvironment(catalog), options, new MultipleChoice
        {
            LabelColumnName = options.LabelColumnName,
            Sentence1ColumnName = options.Sentence1ColumnName,
            ChoicesColumnName = options.ChoicesColumnName,
            ScoreColumnName = options.ScoreColumnName,
            PredictedLabelColumnName = options.PredictedLabelColumnName,
            Pooling = options.Pooling,
            MaxLength = options.MaxLength,
        });
    }
}
