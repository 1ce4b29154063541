using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML;

public static partial class PTuningCatalog
{
    /// <summary>A tag for each word of a sentence: named entities, chunks, parts of speech.</summary>
    /// <param name="labelColumnName">
    /// The tags, a vector of keys, one per word, in IOB1, IOB2 or BIOES; or, beside whole texts, a vector of entities as <see cref="EntitySpan"/> writes them.
    /// </param>
    /// <param name="outputColumnName">The predicted tags, a vector of keys, one per word, in IOB2.</param>
    /// <param name="sentence1ColumnName">The sentence: a vector of words, or a text.</param>
    /// <param name="scoreColumnName">The probability of each predicted tag.</param>
    /// <param name="entitiesColumnName">The predicted entities with their characters, each as <see cref="EntitySpan"/> writes it.</param>
    /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
    public static PTuningV2Trainer PTuningV2NamedEntityRecognition(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string outputColumnName = "PredictedLabel",
        string sentence1ColumnName = "Sentence1",
        string scoreColumnName = "Score",
        string entitiesColumnName = "Entities",
        string? backbone = null,
        int prefixLength = 50,
        double learningRate = 2e-2,
        int batchSize = 32,
        int maxEpochs = 0,
        IDataView? validationSet = null) =>
        catalog.PTuningV2NamedEntityRecognition(Trained(new PTuningV2Trainer.NamedEntityOptions
        {
            LabelColumnName = labelColumnName,
            PredictedLabelColumnName = outputColumnName,
            Sentence1ColumnName = sentence1ColumnName,
            ScoreColumnName = scoreColumnName,
            EntitiesColumnName = entitiesColumnName,
        }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

    /// <summary>A tag for each word of a sentence: named entities, chunks, the roles of a predicate, parts of speech.</summary>
    public static PTuningV2Trainer PTuningV2NamedEntityRecognition(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.NamedEntityOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new PTuningV2Trainer(CatalogUtils.GetEnvironment(catalog), options, new NamedEntityRecognition
        {
            LabelColumnName = options.LabelColumnName,
            Sentence1ColumnName = options.Sentence1ColumnName,
            PredicateColumnName = options.PredicateColumnName,
            PredictedLabelColumnName = options.PredictedLabelColumnName,
            ScoreColumnName = options.ScoreColumnName,
            EntitiesColumnName = options.EntitiesColumnName,
            MaxLength = options.MaxLength,
        });
    }
}
