using Microsoft.ML.Data;
using Microsoft.ML.PTuning;

namespace Microsoft.ML;

/// <summary>P-Tuning v2 on the trainer catalogs of an <see cref="MLContext"/>: a method per task.</summary>
/// <remarks>
/// The named parameters cover the usual cases; the options class of a task has all options, another <see cref="TrainingOptions.Method"/> among them.
/// Both have the same defaults; <see cref="TrainingOptions"/> says what each option does. From few labelled rows and many without labels,
/// <c>PatternExploiting</c> learns classes.
/// </remarks>
public static partial class PTuningCatalog
{
    private static PTuningV2Trainer Create(TrainCatalogBase.CatalogInstantiatorBase catalog, PTuningV2Trainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new PTuningV2Trainer(CatalogUtils.GetEnvironment(catalog), options);
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
