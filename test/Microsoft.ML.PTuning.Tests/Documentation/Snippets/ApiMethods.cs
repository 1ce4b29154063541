using Microsoft.ML;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>XML docs and docs/methods.md: the methods, and the layers that have a prefix.</summary>
internal static class ApiMethods
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

    public static PTuningV2Trainer TrainHead(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Method = new LinearProbe(),
        });
        return trainer;
    }

    public static PTuningV2Trainer TrainPrompt(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Method = new PromptTuning { Length = 20, Start = PromptStart.FrequentWords },
        });
        return trainer;
    }

    public static PTuningV2Trainer TrainPromptNetwork(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Method = new PTuningV1 { Length = 9, Network = PromptNetworkKind.Lstm },
        });
        return trainer;
    }

    public static PTuningV2Trainer SearchWords(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = "mini-cased",
            Pattern = "{text} {prompt:3} {mask}.",
            Verbalizer = new Verbalizer { ["positive"] = ["good", "great"], ["negative"] = ["bad"] },
            Method = new AutoPrompt { Length = 3 },
        });
        return trainer;
    }

    public static PTuningV2Trainer TrainMixture(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Method = new SoftPromptMixture { Prompts = 3, Length = 10, Deep = true },
        });
        return trainer;
    }

    public static PTuningV2Trainer.MulticlassOptions PatternPlaces()
    {
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Pattern = "{prompt:3} {text} {prompt:3} {mask} {prompt:3}",
            Method = new PTuningV1 { Length = 9 },
        };
        return options;
    }

    public static LayerSelection[] Layers()
    {
        var options = new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", PrefixLayers = 3 }; // The top three.
        options.PrefixLayers = LayerSelection.Bottom(3);
        options.PrefixLayers = LayerSelection.Of(0, 2, 5);
        var top = LayerSelection.Top(3);
        var middle = LayerSelection.Range(2, 3); // Layers 2, 3 and 4.
        var read = LayerSelection.Parse("0-2"); // Layers 0, 1 and 2.
        var text = LayerSelection.Of(0, 2, 5).ToString(); // 0,2,5
        return [options.PrefixLayers, top, middle, read, LayerSelection.Parse(text)];
    }
}
