using Microsoft.ML;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>XML docs: the methods that change an encoder's weights.</summary>
internal static class ApiWeightMethods
{
    public static PTuningV2Trainer TrainBiases(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Method = new BitFit(),
        });
        return trainer;
    }

    public static PTuningV2Trainer TrainAllWeights(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Method = new FineTuning(),
        });
        return trainer;
    }

    public static PTuningV2Trainer TrainProducts(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Method = new LowRankAdaptation { Rank = 8, Targets = LowRankTargets.Queries | LowRankTargets.Values },
        });
        return trainer;
    }
}
