using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>The three tasks from catalog to ML.NET's own metrics, on the default encoder.</summary>
[TestClass]
public class PTuningCatalogTests
{
    private static readonly MLContext Context = new(1);
    private static readonly IDataView Data = Context.Data.LoadFromEnumerable(Tickets.Rows(72));
    private static readonly IDataView Unseen = Context.Data.LoadFromEnumerable(Tickets.Rows(132).Skip(72));

    [TestMethod]
    public void Multiclass_model_learns_topics_as_ML_NET_measures_them()
    {
        using var model = Topics().Fit(Data);

        var metrics = Context.MulticlassClassification.Evaluate(model.Transform(Unseen), topKPredictionCount: 2);

        Assert.IsGreaterThan(0.8, metrics.MicroAccuracy);
        Assert.IsLessThan(Math.Log(3), metrics.LogLoss); // Better than a third for each.
        Assert.HasCount(3, metrics.PerClassLogLoss);
        Assert.IsGreaterThanOrEqualTo(metrics.MicroAccuracy, metrics.TopKAccuracyForAllK[1]);
    }

    [TestMethod]
    public void Confusion_table_names_the_classes()
    {
        using var encoder = new TinyEncoder();
        var data = Tickets.Keyed(Context, Tickets.Rows(24));
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(encoder.Options()).Fit(data);

        var table = Context.MulticlassClassification.Evaluate(model.Transform(data)).ConfusionMatrix.GetFormattedConfusionTable();

        foreach (var topic in Tickets.Topics)
            Assert.Contains(topic, table);
    }

    [TestMethod]
    public void Binary_model_learns_urgency_as_ML_NET_measures_it()
    {
        using var model = Context.BinaryClassification.Trainers
            .PTuningV2("IsUrgent", "Text", prefixLength: 8, learningRate: 2e-2, batchSize: 8, maxEpochs: 4).Fit(Data);

        var metrics = Context.BinaryClassification.Evaluate(model.Transform(Unseen), "IsUrgent");

        Assert.IsGreaterThan(0.9, metrics.AreaUnderRocCurve);
        Assert.IsGreaterThan(0.75, metrics.Accuracy);
        Assert.IsLessThan(1, metrics.LogLoss); // In bits: better than a coin.
    }

    [TestMethod]
    public void Binary_columns_agree_with_one_another()
    {
        using var encoder = new TinyEncoder();
        var options = encoder.Options().As<PTuningV2Trainer.BinaryOptions>();
        options.LabelColumnName = "IsUrgent";
        using var model = Context.BinaryClassification.Trainers.PTuningV2(options).Fit(Data);

        foreach (var row in Context.Data.CreateEnumerable<Urgency>(model.Transform(Unseen), reuseRowObject: false))
        {
            Assert.AreEqual(1 / (1 + Math.Exp(-row.Score)), row.Probability, 1e-6);
            Assert.AreEqual(row.Probability > 0.5, row.PredictedLabel);
        }
    }

    [TestMethod]
    public void Regression_model_learns_hours_as_ML_NET_measures_them()
    {
        using var model = Context.Regression.Trainers
            .PTuningV2("Hours", "Text", prefixLength: 8, learningRate: 2e-2, batchSize: 8, maxEpochs: 4).Fit(Data);

        var metrics = Context.Regression.Evaluate(model.Transform(Unseen), "Hours");

        Assert.IsGreaterThan(0.3, metrics.RSquared);
    }

    [TestMethod]
    public void Pair_task_reads_both_texts()
    {
        using var encoder = new TinyEncoder();
        var options = encoder.Options().As<PTuningV2Trainer.BinaryOptions>();
        (options.Sentence2ColumnName, options.LabelColumnName) = ("Topic", "IsUrgent");
        using var model = Context.BinaryClassification.Trainers.PTuningV2(options).Fit(Data);
        using var engine = Context.Model.CreatePredictionEngine<Ticket, Urgency>(model, new PredictionEngineOptions { OwnsTransformer = false });

        var one = engine.Predict(new Ticket { Text = "parcel late", Topic = "box" }).Score;
        var other = engine.Predict(new Ticket { Text = "parcel late", Topic = "error" }).Score;

        Assert.AreNotEqual(one, other);
    }

    [TestMethod]
    public void Cross_validation_trains_and_measures_every_fold()
    {
        using var encoder = new TinyEncoder();
        var pipeline = Context.Transforms.CopyColumns("Words", "Text")
            .Append(Context.MulticlassClassification.Trainers.PTuningV2(encoder.Options("Words")));

        var folds = Context.MulticlassClassification.CrossValidate(Tickets.Keyed(Context, Tickets.Rows(48)), pipeline, numberOfFolds: 3);

        Assert.HasCount(3, folds);
        Assert.IsTrue(folds.All(fold => double.IsFinite(fold.Metrics.LogLoss)));
        Assert.AreEqual(48, folds.Sum(fold => Scores.Read(Context, fold.ScoredHoldOutSet).Count));
        foreach (var fold in folds)
            ((IDisposable)fold.Model).Dispose();
    }

    [TestMethod]
    public void Binary_and_regression_cross_validate_too()
    {
        using var encoder = new TinyEncoder();
        var binary = encoder.Options().As<PTuningV2Trainer.BinaryOptions>();
        var regression = encoder.Options().As<PTuningV2Trainer.RegressionOptions>();
        (binary.LabelColumnName, regression.LabelColumnName) = ("IsUrgent", "Hours");

        var areas = Context.BinaryClassification.CrossValidate(Data, Context.BinaryClassification.Trainers.PTuningV2(binary), 2, "IsUrgent");
        var errors = Context.Regression.CrossValidate(Data, Context.Regression.Trainers.PTuningV2(regression), 2, "Hours");

        Assert.IsTrue(areas.All(fold => fold.Metrics.AreaUnderRocCurve is >= 0 and <= 1));
        Assert.IsTrue(errors.All(fold => double.IsFinite(fold.Metrics.MeanAbsoluteError)));
        foreach (var model in areas.Select(fold => fold.Model).Concat(errors.Select(fold => fold.Model)))
            ((IDisposable)model).Dispose();
    }

    [TestMethod]
    public void Named_arguments_reach_training()
    {
        var data = Tickets.Keyed(Context, Tickets.Rows(12));

        using var model = Context.MulticlassClassification.Trainers.PTuningV2(
            sentence1ColumnName: "Text", sentence2ColumnName: "Topic", scoreColumnName: "S", predictedLabelColumnName: "P",
            backbone: "mini-cased", prefixLength: 2, batchSize: 5, maxEpochs: 2, validationSet: data).Fit(data);
        var schema = model.GetOutputSchema(data.Schema);

        Assert.HasCount(2, model.Summary!.Epochs);
        Assert.IsNotNull(model.Summary.Epochs[0].ValidationLoss);
        Assert.AreEqual(2 * 4 * 2 * 256 + 3 * 256 + 3, model.Summary.TrainedParameters); // P·2LH, then the head's weights and biases.
        Assert.IsNotNull(schema.GetColumnOrNull("S"));
        Assert.IsNotNull(schema.GetColumnOrNull("P"));
    }

    private static EstimatorChain<PTuningV2Transformer> Topics() =>
        Context.Transforms.Conversion.MapValueToKey("Label", "Topic")
            .Append(Context.MulticlassClassification.Trainers
                .PTuningV2(sentence1ColumnName: "Text", prefixLength: 8, learningRate: 2e-2, batchSize: 8, maxEpochs: 4));

    private sealed class Urgency
    {
        public float Score { get; set; }

        public float Probability { get; set; }

        public bool PredictedLabel { get; set; }
    }
}
