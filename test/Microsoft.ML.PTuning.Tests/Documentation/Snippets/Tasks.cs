namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/tasks.md.</summary>
internal static class Tasks
{
    public static void Descriptions(MLContext mlContext, IDataView facts, IDataView newFacts)
    {
        var model = mlContext.MulticlassClassification.Trainers.PTuningV2TextGeneration(new PTuningV2Trainer.TextGenerationOptions
        {
            Backbone = "encoders/gpt2",
            Generation = new() { MaxNewTokens = 40, Beams = 4 },
        }).Fit(facts);
        var metrics = mlContext.MulticlassClassification.EvaluateText(model.Transform(newFacts));
        Console.WriteLine($"BLEU {metrics.Bleu:F3}");
    }

    public static void GeneratedTexts(MLContext mlContext, Translation[] translations)
    {
        var data = mlContext.Data.LoadFromEnumerable(translations);
        var metrics = mlContext.MulticlassClassification.EvaluateText(data, labelColumnName: "References");
        Console.WriteLine($"BLEU {metrics.Bleu:F3}, chrF {metrics.ChrF:F3}");
    }

    public static void Topics(MLContext mlContext, IDataView mails, IDataView newMails)
    {
        var model = mlContext.MulticlassClassification.Trainers.PTuningV2MultiLabel(labelColumnName: "Topics", sentence1ColumnName: "Text").Fit(mails);
        var metrics = mlContext.MulticlassClassification.EvaluateMultiLabel(model.Transform(newMails), labelColumnName: "Topics");
        Console.WriteLine($"micro F1 {metrics.MicroF1:F3}, macro F1 {metrics.MacroF1:F3}");
    }

    public static void Tags(MLContext mlContext, IDataView messages)
    {
        var model = mlContext.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(
            labelColumnName: "Entities", sentence1ColumnName: "Text", entitiesColumnName: "PredictedEntities").Fit(messages);
        using var engine = mlContext.Model.CreatePredictionEngine<Message, Found>(model);
        var text = "The train leaves London at noon.";
        foreach (var entity in engine.Predict(new Message { Text = text }).PredictedEntities.Select(EntitySpan.Parse))
            Console.WriteLine($"{entity.Type}: {text[entity.Start..entity.End]}");
    }

    public class Message { public string Text { get; set; } = ""; public string[] Entities { get; set; } = []; }   // "CITY 16 22"
    public class Found { public string[] PredictedEntities { get; set; } = []; }
    public class Mail { public string Text { get; set; } = ""; public string[] Topics { get; set; } = []; }     // "Billing", "Delivery"
    public class Tagged { public string[] PredictedLabel { get; set; } = []; public float[] Score { get; set; } = []; }
    public class Facts { public string Text { get; set; } = ""; public string Label { get; set; } = ""; }       // "name: Aromi | food: Thai", "Aromi serves Thai food."
    public class Described { public string GeneratedText { get; set; } = ""; }
    public class Translation { public string[] References { get; set; } = []; public string GeneratedText { get; set; } = ""; }
}
