using Microsoft.ML;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets;

/// <summary>XML docs: PTuningEvaluation, EntitySpan.</summary>
internal static class ApiEvaluation
{
    public static void MultiLabel(MLContext mlContext, PTuningV2Transformer model, IDataView newMails)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateMultiLabel(model.Transform(newMails), labelColumnName: "Topics");
        Console.WriteLine($"micro F1 {metrics.MicroF1:F3}, macro F1 {metrics.MacroF1:F3}");
    }

    public static void MultipleChoice(MLContext mlContext, PTuningV2Transformer model, IDataView newStories)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateMultipleChoice(model.Transform(newStories));
        Console.WriteLine($"accuracy {metrics.MicroAccuracy:F3}, log-loss {metrics.LogLoss:F3}");
    }

    public static void Entities(MLContext mlContext, PTuningV2Transformer model, IDataView newSentences)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(model.Transform(newSentences));
        Console.WriteLine($"precision {metrics.MicroPrecision:F3}, recall {metrics.MicroRecall:F3}, F1 {metrics.MicroF1:F3}");
    }

    public static void Report(MLContext mlContext, PTuningV2Transformer model, IDataView newSentences)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(model.Transform(newSentences));
        Console.WriteLine(metrics.GetFormattedReport());
    }

    public static void Answers(MLContext mlContext, PTuningV2Transformer model, IDataView newQuestions)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateQuestionAnswer(model.Transform(newQuestions));
        Console.WriteLine($"exact match {metrics.ExactMatch:F3}, F1 {metrics.F1:F3}");
    }

    public static void GeneratedTexts(MLContext mlContext, PTuningV2Transformer model, IDataView newArticles)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateText(model.Transform(newArticles), labelColumnName: "Summary");
        Console.WriteLine($"ROUGE-1 {metrics.Rouge1:F3}, ROUGE-2 {metrics.Rouge2:F3}, ROUGE-L {metrics.RougeL:F3}");
    }

    public static void Similarity(MLContext mlContext, PTuningV2Transformer model, IDataView newPairs)
    {
        var metrics = mlContext.Regression.EvaluateSimilarity(model.Transform(newPairs));
        Console.WriteLine($"Pearson {metrics.Pearson:F3}, Spearman {metrics.Spearman:F3}");
    }

    public static void WriteSpan()
    {
        var span = new EntitySpan("CITY", 20, 24); // Of "I will visit you in Oslo."
        string label = span.ToString(); // "CITY 20 24"
        Console.WriteLine(label);
    }

    public static void ReadSpan(string text)
    {
        var span = EntitySpan.Parse("CITY 20 24");
        Console.WriteLine($"{span.Type}: {text[span.Start..span.End]}");
    }

    public static void TryReadSpan(string line)
    {
        if (!EntitySpan.TryParse(line, out var span))
            Console.WriteLine($"'{line}' is not a type, a start and an end, such as 'CITY 20 24'.");
        Console.WriteLine(span.Type);
    }
}
