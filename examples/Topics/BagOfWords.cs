using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning;

namespace Topics;

/// <summary>The plain yardstick: ML.NET's bag of words, and a logistic regression for each topic.</summary>
internal static class BagOfWords
{
    public static MultiLabelMetrics Evaluate(MLContext mlContext, IReadOnlyList<Mail> training, IReadOnlyList<Mail> test)
    {
        var found = test.Select(_ => new List<string>()).ToArray();
        foreach (string topic in training.SelectMany(mail => mail.Topics).Distinct())
        {
            var pipeline = mlContext.Transforms.Text.FeaturizeText("Features", nameof(Row.Text))
                .Append(mlContext.BinaryClassification.Trainers.SdcaLogisticRegression());
            var scored = pipeline.Fit(Rows(training, topic)).Transform(Rows(test, topic));
            foreach (var (row, isPredicted) in scored.GetColumn<bool>("PredictedLabel").Select((value, row) => (row, value)))
                if (isPredicted)
                    found[row].Add(topic);
        }
        return mlContext.MulticlassClassification.EvaluateMultiLabel(mlContext.Data.LoadFromEnumerable(
            test.Zip(found, (mail, topics) => new Judged { Label = mail.Topics, PredictedLabel = [.. topics] })));

        IDataView Rows(IEnumerable<Mail> mails, string topic) =>
            mlContext.Data.LoadFromEnumerable(mails.Select(mail => new Row { Text = mail.Text, Label = mail.Topics.Contains(topic) }));
    }

    private sealed class Row
    {
        public string Text { get; set; } = "";

        public bool Label { get; set; }
    }

    private sealed class Judged
    {
        public string[] Label { get; set; } = [];

        public string[] PredictedLabel { get; set; } = [];
    }
}
