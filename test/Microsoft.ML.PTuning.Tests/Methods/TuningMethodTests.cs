namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>What every method keeps to, whatever it trains.</summary>
[TestClass]
public sealed class TuningMethodTests
{
    public static IEnumerable<object[]> Names => TuningMethods.Names;

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Model_holds_what_its_method_declares_and_loads_with_the_same_scores(string name)
    {
        using var encoder = new TinyEncoder();
        var mlContext = new MLContext(1);
        var data = Tickets.Keyed(mlContext, Tickets.Rows(24));
        using var model = Train(mlContext, encoder, name, data);
        using var stream = new MemoryStream();

        model.SaveTo(stream);
        stream.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(mlContext, stream);

        var backbone = loaded.Model.Network.Encoder.Backbone;
        string[] declared = [.. loaded.Model.Method.Declare(backbone).Select(tensor => tensor.Name), .. loaded.Model.Task.Head.Declare(backbone).Select(tensor => tensor.Name)];
        CollectionAssert.AreEquivalent(declared, loaded.Model.Tensors.Names.ToArray());
        Assert.AreEqual(0, loaded.Model.Method.DifferencesFrom(model.Model.Method, backbone).Count);
        Scores.AssertEqual(Scores.Read(mlContext, model.Transform(data)), Scores.Read(mlContext, loaded.Transform(data)));
    }

    /// <summary>All but the parameters that a network needed and the model does not keep.</summary>
    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Training_changes_every_tensor(string name)
    {
        using var encoder = new TinyEncoder();
        var mlContext = new MLContext(1);
        using var before = Train(mlContext, encoder, name, Tickets.Keyed(mlContext, Tickets.Rows(24)), learningRate: 1e-20);
        using var after = Train(mlContext, encoder, name, Tickets.Keyed(mlContext, Tickets.Rows(24)));

        foreach (var (tensor, value) in after.Model.Tensors)
            Assert.IsFalse(value.equal(before.Model.Tensors[tensor]).all().item<bool>() && !tensor.Contains("pooler"), tensor);
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Training_continues_from_a_model_of_the_same_method(string name)
    {
        using var encoder = new TinyEncoder();
        var mlContext = new MLContext(1);
        var data = Tickets.Keyed(mlContext, Tickets.Rows(24));
        using var first = Train(mlContext, encoder, name, data);

        using var continued = Train(mlContext, encoder, name, data, learningRate: 1e-20, first);

        foreach (var (tensor, value) in continued.Model.Tensors)
            Assert.IsTrue(value.allclose(first.Model.Tensors[tensor]), tensor);
    }

    [TestMethod]
    public void Training_does_not_continue_from_a_model_of_another_method()
    {
        using var encoder = new TinyEncoder();
        var mlContext = new MLContext(1);
        var data = Tickets.Keyed(mlContext, Tickets.Rows(24));
        using var first = Train(mlContext, encoder, "prompt tuning", data);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Train(mlContext, encoder, "BitFit", data, initial: first));

        Assert.Contains("the method is bitfit, expected prompt-tuning", refusal.Message);
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Training_leaves_no_tensor_behind(string name)
    {
        using var encoder = new TinyEncoder();
        var mlContext = new MLContext(1);
        var data = Tickets.Keyed(mlContext, Tickets.Rows(24));
        Train(mlContext, encoder, name, data).Dispose();
        var before = LiveTensors.CountSettled();

        Train(mlContext, encoder, name, data).Dispose();

        Assert.AreEqual(before, LiveTensors.CountSettled());
    }

    [TestMethod]
    public void Method_has_a_learning_rate_of_its_own_unless_one_is_set()
    {
        var options = new PTuningV2Trainer.MulticlassOptions { Method = new BitFit() };
        Assert.AreEqual(2e-3, options.LearningRate);

        options.LearningRate = 0.5;

        Assert.AreEqual(0.5, options.LearningRate);
    }

    [TestMethod]
    public void Options_of_the_prefix_do_not_go_with_another_method()
    {
        var options = new PTuningV2Trainer.MulticlassOptions { Method = new BitFit(), PrefixLayers = 2 };

        var refusal = Assert.ThrowsExactly<ArgumentException>(() => new MLContext().MulticlassClassification.Trainers.PTuningV2(options));

        Assert.Contains("PrefixLayers is an option of P-Tuning v2, but Method is BitFit", refusal.Message);
    }

    [TestMethod]
    [DataRow("Length must be 1 or more", 0, false, false, PromptPlacement.BeforeText, PromptStart.Random)]
    [DataRow("StartText is empty", 1, false, false, PromptPlacement.BeforeText, PromptStart.Text)]
    [DataRow("ReadsPrompt needs the prompt before the text", 1, true, false, PromptPlacement.AfterFirstToken, PromptStart.Random)]
    [DataRow("EmbedsTwice needs the prompt before the text", 1, false, true, PromptPlacement.AfterFirstToken, PromptStart.Random)]
    public void Prompt_that_cannot_be_is_refused(
        string message, int length, bool readsPrompt, bool embedsTwice, PromptPlacement placement, PromptStart start)
    {
        var method = new PromptTuning { Length = length, ReadsPrompt = readsPrompt, EmbedsTwice = embedsTwice, Placement = placement, Start = start };

        var refusal = Assert.Throws<ArgumentException>(
            () => new MLContext().MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions { Method = method }));

        Assert.Contains(message, refusal.Message);
    }

    [TestMethod]
    public void Prompt_beyond_the_positions_is_refused_before_training()
    {
        using var encoder = new TinyEncoder();
        var mlContext = new MLContext(1);
        var options = Options(encoder, new PromptTuning { Length = 10 });

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(
            () => mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(Tickets.Keyed(mlContext, Tickets.Rows(24))));

        Assert.Contains("10 prompt tokens and MaxLength 12 together exceed the 16 positions", refusal.Message);
    }

    /// <summary>The places count among the tokens of a row, so they are not counted again.</summary>
    [TestMethod]
    public void Prompt_in_the_places_of_a_pattern_takes_no_further_positions()
    {
        using var encoder = new TinyEncoder();
        var mlContext = new MLContext(1);
        var options = Options(encoder, new PromptTuning { Length = 3, Start = PromptStart.FrequentWords });
        (options.Pattern, options.MaxLength) = ("{prompt:3} {text}", 16);

        using var model = mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(Tickets.Keyed(mlContext, Tickets.Rows(24)));

        Assert.AreEqual(3, model.PromptWords.Count);
    }

    [TestMethod]
    public void State_of_the_prompt_is_not_read_in_a_pattern()
    {
        using var encoder = new TinyEncoder();
        var mlContext = new MLContext(1);
        var options = Options(encoder, new PromptTuning { Length = 3, ReadsPrompt = true });
        options.Pattern = "{text} {prompt:3}";

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(
            () => mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(Tickets.Keyed(mlContext, Tickets.Rows(24))));

        Assert.Contains("ReadsPrompt needs the prompt before the text", refusal.Message);
    }

    [TestMethod]
    public void Tasks_with_and_without_a_verbalizer_are_not_fine_tuned_together()
    {
        using var encoder = new TinyEncoder(TinyLanguageModel.Checkpoint());
        var mlContext = new MLContext(1);
        var data = Tickets.Keyed(mlContext, Tickets.Rows(24));
        var trainer = new PTuningV2MultiTaskTrainer(mlContext, new() { Backbone = encoder.Path, Method = new FineTuning(), MaxEpochs = 1 });
        var words = new Verbalizer { ["billing"] = ["invoice"], ["software"] = ["error"], ["delivery"] = ["parcel"] };

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(new Dictionary<string, PTuningV2MultiTaskData>
        {
            ["head"] = new(new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text" }, data),
            ["words"] = new(new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", Pattern = "{text} {mask}", Verbalizer = words }, data),
        }));

        Assert.Contains("Give all tasks a Verbalizer, or none", refusal.Message);
    }

    [TestMethod]
    public void Mixture_needs_classes()
    {
        using var encoder = new TinyEncoder();
        var mlContext = new MLContext(1);
        var options = new PTuningV2Trainer.RegressionOptions
        {
            LabelColumnName = "Hours",
            Sentence1ColumnName = "Text",
            Backbone = encoder.Path,
            MaxLength = 12,
            Method = new SoftPromptMixture { Length = 2 },
        };

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(
            () => mlContext.Regression.Trainers.PTuningV2(options).Fit(Tickets.Keyed(mlContext, Tickets.Rows(24))));

        Assert.Contains("SoftPromptMixture averages the probabilities of classes, which this task does not have", refusal.Message);
    }

    private static PTuningV2Transformer Train(
        MLContext mlContext, TinyEncoder encoder, string name, IDataView data, double learningRate = 0.1, PTuningV2Transformer? initial = null)
    {
        var options = Options(encoder, TuningMethods.All[name]);
        options.LearningRate = learningRate;
        options.InitialModel = initial;
        return mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(data);
    }

    private static PTuningV2Trainer.MulticlassOptions Options(TinyEncoder encoder, TuningMethod? method)
    {
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = encoder.Path,
            Method = method,
            MaxLength = 12,
            MaxEpochs = 2,
            Advanced = { Shards = 2 },
            Seed = 1,
        };
        if (method is null)
            options.PrefixLength = 3;
        return options;
    }
}
