using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Persistence;
using Microsoft.ML.PTuning.Tests.Persistence;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Whole trainings by methods that change an encoder's weights: what is learned, saved, loaded, and started from.</summary>
[TestClass]
[DoNotParallelize]
public sealed class WeightMethodTrainingTests
{
    private static readonly LabelledText[] Rows = TinyTraining.Texts(40);

    private readonly TinyTraining _training = new(setsPrefix: false);

    public static IEnumerable<object[]> Methods =>
    [
        [new FineTuning()], [new BitFit()], [new LowRankAdaptation { Rank = 2 }], [new LowRankAdaptation { Rank = 2, Layers = 1 }],
        [new LowRankAdaptation { Rank = 2, Targets = LowRankTargets.All, Merge = true }],
    ];

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    /// <summary>The mean over the tokens is read, so the encoder's pooler gets no gradient.</summary>
    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Training_lowers_the_loss(TuningMethod method)
    {
        (_training.Options.Method, _training.Options.MaxEpochs, _training.Options.LearningRate) = (method, 10, method is FineTuning ? 0.005 : 0.02);

        using var model = _training.Fit(Rows);

        Assert.IsLessThan(0.8 * model.Summary!.Epochs[0].Loss, model.Summary.Epochs[^1].Loss);
    }

    [TestMethod]
    [DataRow(BackbonePrecision.BFloat16)]
    [DataRow(BackbonePrecision.Float16)]
    public void Fine_tuned_weights_of_an_encoder_in_16_bits_are_in_32(BackbonePrecision precision)
    {
        (_training.Options.Method, _training.Options.Precision) = (new FineTuning(), precision);
        (_training.Options.MaxEpochs, _training.Options.LearningRate) = (10, 0.005);

        using var model = _training.Fit(Rows);

        Assert.IsTrue(model.Model.Tensors.All(tensor => tensor.Value.dtype == ScalarType.Float32));
        Assert.IsLessThan(0.8 * model.Summary!.Epochs[0].Loss, model.Summary.Epochs[^1].Loss);
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Saved_model_holds_what_method_and_head_declare_and_scores_the_same(TuningMethod method)
    {
        _training.Options.Method = method;
        using var model = _training.Fit(Rows);
        var zip = Save(model);

        using var loaded = PTuningV2Transformer.LoadFrom(_training.Context, new MemoryStream(zip));

        var backbone = model.Model.Network.Encoder.Backbone;
        var declared = model.Model.Method.Declare(backbone).Select(tensor => tensor.Name)
            .Concat(model.Model.Task.Head.Declare(backbone).Select(tensor => tensor.Name));
        CollectionAssert.AreEqual(declared.Order(StringComparer.Ordinal).ToArray(), Names(zip));
        CollectionAssert.AreEqual(_training.Scores(model, Rows), _training.Scores(loaded, Rows));
        Assert.AreEqual(model.Model.Tensors.Bytes, loaded.Summary!.TensorBytes);
    }

    [TestMethod]
    public void Fine_tuned_model_holds_the_whole_encoder()
    {
        _training.Options.Method = new FineTuning();
        using var model = _training.Fit(Rows);

        var encoder = model.Model.Network.Encoder.Backbone;
        CollectionAssert.AreEqual(
            encoder.Tensors.Names.Select(name => $"backbone.{name}").Concat(["head.bias", "head.weight"]).Order(StringComparer.Ordinal).ToArray(),
            Names(Save(model)));
        Assert.AreEqual(encoder.ParameterCount + 2 * 8 + 2, model.Summary!.TrainedParameters);
    }

    [TestMethod]
    public void Merged_model_holds_the_changed_weights_alone_and_scores_as_the_other_does()
    {
        _training.Options.Method = new LowRankAdaptation { Rank = 2 };
        using var apart = _training.Fit(Rows);
        _training.Options.Method = new LowRankAdaptation { Rank = 2, Merge = true };
        using var merged = _training.Fit(Rows);

        Assert.AreEqual(("lora", "fine-tuning"), (apart.Method, merged.Method));
        CollectionAssert.AreEqual(
            Enumerable.Range(0, 3)
                .SelectMany(layer => new[] { "query", "value" }.Select(module => $"backbone.encoder.layer.{layer}.attention.self.{module}.weight"))
                .Concat(["head.bias", "head.weight"]).ToArray(),
            Names(Save(merged)));
        foreach (var (expected, actual) in _training.Scores(apart, Rows).Zip(_training.Scores(merged, Rows)))
            Assert.AreEqual(expected, actual, 1e-5);
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Model_leaves_no_native_memory_behind(TuningMethod method)
    {
        _training.Options.Method = method;
        _training.Fit(Rows).Dispose();
        var before = LiveTensors.CountSettled();

        _training.Fit(Rows).Dispose();

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    [DataRow(typeof(FineTuning))]
    [DataRow(typeof(LowRankAdaptation))]
    public void Training_starts_from_a_model_of_the_same_method(Type type)
    {
        var method = type == typeof(FineTuning) ? (TuningMethod)new FineTuning() : new LowRankAdaptation { Rank = 2 };
        _training.Options.Method = method;
        using var initial = _training.Fit(Rows);
        (_training.Options.InitialModel, _training.Options.LearningRate, _training.Options.MaxEpochs, _training.Options.BatchSize) = (initial, 1e-7, 1, 40);

        using var model = _training.Fit(Rows); // AdamW's first step changes each value by its learning rate at most.

        foreach (var (name, tensor) in initial.Model.Tensors)
            foreach (var (expected, actual) in tensor.data<float>().ToArray().Zip(model.Model.Tensors[name].data<float>().ToArray()))
                Assert.AreEqual(expected, actual, 2e-7 + 1e-6 * Math.Abs(expected), name);
        Assert.IsTrue(_training.Log.Any(line => line.Contains("what its method trained and its head are taken over.")));
    }

    [TestMethod]
    public void Low_rank_model_may_be_merged_when_it_is_trained_on()
    {
        _training.Options.Method = new LowRankAdaptation { Rank = 2 };
        using var initial = _training.Fit(Rows);
        (_training.Options.InitialModel, _training.Options.Method) = (initial, new LowRankAdaptation { Rank = 2, Merge = true });

        using var model = _training.Fit(Rows);

        Assert.AreEqual("fine-tuning", model.Method);
    }

    [TestMethod]
    [DataRow(false, "the method is lora, expected bitfit")]
    [DataRow(true, "the method is lora, expected fine-tuning")]
    public void Model_of_another_method_is_refused(bool merged, string difference)
    {
        _training.Options.Method = merged ? new LowRankAdaptation { Rank = 2, Merge = true } : new BitFit();
        using var initial = _training.Fit(Rows);
        (_training.Options.InitialModel, _training.Options.Method) = (initial, new LowRankAdaptation { Rank = 2 });

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => _training.Fit(Rows));

        Assert.AreEqual($"The InitialModel was trained otherwise: {difference}. Set the options as expected.", refusal.Message);
    }

    [TestMethod]
    public void Model_of_another_rank_is_refused()
    {
        _training.Options.Method = new LowRankAdaptation { Rank = 2 };
        using var initial = _training.Fit(Rows);
        (_training.Options.InitialModel, _training.Options.Method) = (initial, new LowRankAdaptation { Rank = 3, Merge = true });

        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => _training.Fit(Rows)).Message, "Rank is 3, expected 2");
    }

    [TestMethod]
    public void Tasks_that_learn_together_share_the_products()
    {
        var options = _training.MultiTaskOptions;
        options.Method = new LowRankAdaptation { Rank = 2 };
        var keys = _training.Context.Transforms.Conversion.MapValueToKey("Label");
        var topics = _training.Context.Data.LoadFromEnumerable(Rows);
        var models = new PTuningV2MultiTaskTrainer(_training.Context, options).Fit(new Dictionary<string, PTuningV2MultiTaskData>
        {
            ["topic"] = new(new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", MaxLength = 12 }, keys.Fit(topics).Transform(topics)),
            ["rating"] = new(
                new PTuningV2Trainer.RegressionOptions { Sentence1ColumnName = "Text", MaxLength = 12 },
                _training.Context.Data.LoadFromEnumerable(TinyTraining.Ratings(40))),
        });
        using var topic = models["topic"];
        using var rating = models["rating"];

        var products = topic.Model.Tensors.Names.Where(name => name.Contains(".lora_")).ToArray();
        Assert.HasCount(12, products);
        foreach (var name in products)
        {
            CollectionAssert.AreEqual(topic.Model.Tensors[name].data<float>().ToArray(), rating.Model.Tensors[name].data<float>().ToArray());
            Assert.IsGreaterThan(0, topic.Model.Tensors[name].abs().max().item<float>());
        }
    }

    public static IEnumerable<object[]> OutOfRange =>
    [
        [new LowRankAdaptation { Rank = 0 }, "Rank must be 1 or more"],
        [new LowRankAdaptation { Layers = -1 }, "Layers must be 0 or more"],
        [new LowRankAdaptation { Alpha = 0 }, "Alpha must be a positive number"],
        [new LowRankAdaptation { Alpha = double.NaN }, "Alpha must be a positive number"],
        [new LowRankAdaptation { Targets = LowRankTargets.None }, "Targets must be one or several of Queries, Keys, Values"],
        [new LowRankAdaptation { Targets = (LowRankTargets)33 }, "Targets must be one or several of Queries, Keys, Values"],
    ];

    [TestMethod]
    [DynamicData(nameof(OutOfRange))]
    public void Properties_out_of_range_are_refused_when_the_trainer_is_made(LowRankAdaptation method, string reason)
    {
        _training.Options.Method = method;

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => _training.Context.MulticlassClassification.Trainers.PTuningV2(_training.Options));

        StringAssert.Contains(refusal.Message, reason);
    }

    [TestMethod]
    public void Rank_that_does_not_fit_the_encoder_is_refused_before_training()
    {
        _training.Options.Method = new LowRankAdaptation { Rank = 9 };

        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => _training.Fit(Rows)).Message, "Rank is 9, but a weight");
    }

    [TestMethod]
    public void Methods_have_learning_rates_of_their_own()
    {
        Assert.AreEqual(new FineTuning().UsualLearningRate, new PTuningV2Trainer.MulticlassOptions { Method = new FineTuning() }.LearningRate);
        Assert.AreEqual(new LowRankAdaptation().UsualLearningRate, new PTuningV2Trainer.MulticlassOptions { Method = new LowRankAdaptation() }.LearningRate);
    }

    [TestMethod]
    [DataRow("targets", "\"none\"", "Targets must be")]
    [DataRow("rank", "0", "Rank must be 1 or more")]
    [DataRow("alpha", "-1", "Alpha must be")]
    [DataRow("rank", "100", "Rank is 100, but a weight that it changes has 8 inputs or outputs")]
    [DataRow("rank", "3", "lora_A.weight' is F32 [2, 8], expected F32 [3, 8]")]
    [DataRow("layers", "4", "the backbone has 3 layers")]
    public void Tampered_low_rank_model_is_refused(string key, string value, string reason) =>
        RefusesTampered(new LowRankAdaptation { Rank = 2 }, key, value, reason);

    [TestMethod]
    [DataRow("[\"encoder.none\"]", "The method changes 'encoder.none', but the backbone has no such tensor.")]
    [DataRow("[null]", "name a tensor twice, or none")]
    [DataRow("[\"a\", \"a\"]", "name a tensor twice, or none")]
    public void Tampered_merged_model_is_refused(string keys, string reason) =>
        RefusesTampered(new LowRankAdaptation { Rank = 2, Merge = true }, "keys", keys, reason);

    /// <summary>600 million numbers that share one place in memory.</summary>
    [TestMethod]
    public void Model_of_more_than_2_GB_is_refused_when_it_is_saved()
    {
        _training.Options.Method = new LinearProbe();
        using var model = _training.Fit(Rows);
        var huge = zeros(1).expand(600_000_000);
        model.Model.Tensors.Add("backbone.huge", huge);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => PromptArchive.Write(model.Model, SafetensorsStorage.F32));

        StringAssert.Matches(
            refusal.Message,
            new(@"^The model's tensors take 2,400,\d{3},\d{3} bytes, but a saved model holds at most 2,147,483,591\. Save it with SaveTo"));
    }

    private void RefusesTampered(TuningMethod method, string key, string value, string reason)
    {
        _training.Options.Method = method;
        using var model = _training.Fit(Rows);
        var zip = ZipBytes.ChangeJson(Save(model), PromptArchive.DocumentEntry, document =>
        {
            Assert.IsTrue(document["method"]!.AsObject().ContainsKey(key), document["method"]!.ToJsonString());
            document["method"]![key] = JsonNode.Parse(value);
        });

        var refusal = Assert.Throws<Exception>(() => PTuningV2Transformer.LoadFrom(_training.Context, new MemoryStream(zip)));

        Assert.IsTrue(refusal is FormatException or InvalidDataException, $"{refusal}");
        StringAssert.Contains(refusal.Message, reason);
    }

    private static byte[] Save(PTuningV2Transformer model)
    {
        using var stream = new MemoryStream();
        model.SaveTo(stream);
        return stream.ToArray();
    }

    /// <summary>The tensors' names, in their order.</summary>
    private static string[] Names(byte[] zip)
    {
        using var file = SafetensorsFile.Read(new MemoryStream(ZipBytes.Read(zip, PromptArchive.TensorsEntry)), "zip");
        return [.. file.Entries.Keys.Order(StringComparer.Ordinal)];
    }
}
