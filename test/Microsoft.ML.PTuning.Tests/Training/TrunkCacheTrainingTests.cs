using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Training with the trunk cache is training without it, only faster.</summary>
[TestClass]
[DoNotParallelize]
public sealed class TrunkCacheTrainingTests
{
    private TinyTraining _training = null!;

    private MLContext Context => _training.Context;

    [TestInitialize]
    public void MakeEncoder() => _training = new TinyTraining();

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    [TestMethod]
    [DataRow(4, 1, false)]
    [DataRow(4, 2, true)]
    [DataRow(0, 0, false)]
    public void Text_classes_are_learned_as_without_it(int prefixLength, int prefixLayers, bool padsToMaxLength)
    {
        var options = _training.Options;
        (options.PrefixLength, options.PrefixLayers, options.Advanced.PadToMaxLength) = (prefixLength, prefixLayers, padsToMaxLength);

        AssertSame(options, () => _training.Fit(TinyTraining.Texts(40), TinyTraining.Texts(20, seed: 1)));
    }

    [TestMethod]
    [DataRow(4)]
    [DataRow(0)]
    public void Tags_are_learned_as_without_it(int prefixLength)
    {
        using var tagging = new TinyTagging();
        var rows = tagging.Keyed(TinyTagging.Sentences(40));
        var options = tagging.Options(epochs: 3);
        (options.PrefixLength, options.PrefixLayers, options.MaxLength) = (prefixLength, 1, 8); // Up to two windows a sentence.

        tagging.Context.Log += (_, message) => _training.Log.Add(message.Message);

        AssertSame(options, () => tagging.Trainer(options).Fit(rows, rows));
    }

    [TestMethod]
    [DataRow(4)]
    [DataRow(0)]
    public void Answers_are_learned_as_without_it(int prefixLength)
    {
        var options = new PTuningV2Trainer.QuestionAnswerOptions { DocumentStride = 2 };
        ForTiny(options, prefixLength);
        var random = new Random(1);
        var rows = Context.Data.LoadFromEnumerable(Enumerable.Range(0, 20).Select(_ => Question(random)).ToArray());

        AssertSame(options, () => Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(options).Fit(rows, rows));
    }

    [TestMethod]
    [DataRow(4)]
    [DataRow(0)]
    public void Choices_are_learned_as_without_it(int prefixLength)
    {
        var options = new PTuningV2Trainer.MultipleChoiceOptions();
        ForTiny(options, prefixLength);
        var texts = TinyTraining.Texts(60);
        var rows = Context.Data.LoadFromEnumerable(Enumerable.Range(0, 20).Select(i => new Choice
        {
            Sentence1 = texts[i].Text,
            Choices = [texts[i + 20].Text, texts[i + 40].Text],
            Label = (uint)(i % 2),
        }).ToArray());

        AssertSame(options, () => Context.MulticlassClassification.Trainers.PTuningV2MultipleChoice(options).Fit(rows, rows));
    }

    [TestMethod]
    public void Model_to_start_from_is_continued_as_without_it()
    {
        _training.Options.PrefixLayers = 1;
        using var initial = _training.Fit(TinyTraining.Texts(20));
        _training.Options.InitialModel = initial;

        AssertSame(_training.Options, () => _training.Fit(TinyTraining.Texts(40)));
    }

    [TestMethod]
    public void Tasks_that_share_a_prefix_and_go_on_alone_learn_as_without_it()
    {
        var options = new PTuningV2MultiTaskTrainer.Options
        {
            Backbone = _training.Options.Backbone,
            PrefixLength = 4,
            PrefixLayers = 1,
            LearningRate = 0.02,
            BatchSize = 8,
            MaxEpochs = 1,
            ContinuationEpochs = 2,
            Seed = 1,
            Advanced = { Shards = 2 },
        };
        var tasks = new Dictionary<string, PTuningV2MultiTaskData>
        {
            ["rating"] = _training.Rated(20),
            ["topic"] = _training.Topics(TinyTraining.Texts(20), TinyTraining.Texts(10, seed: 1)),
        };
        using var cached = new Models(new PTuningV2MultiTaskTrainer(Context, options).Fit(tasks));
        options.Advanced.CacheTrunk = false;
        using var computed = new Models(new PTuningV2MultiTaskTrainer(Context, options).Fit(tasks));

        foreach (var (task, model) in cached)
            AssertSame(computed[task], model);
        Assert.HasCount(1, CacheLines);
    }

    [TestMethod]
    public void Half_precision_changes_little()
    {
        (_training.Options.PrefixLayers, _training.Options.Advanced.HalfPrecisionTrunkCache) = (1, true);

        AssertSame(_training.Options, () => _training.Fit(TinyTraining.Texts(40), TinyTraining.Texts(20, seed: 1)), within: 1e-2);
        StringAssert.Contains(CacheLines.Single(), "(Float16) in memory.");
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Encoder_in_16_bits_is_learned_on_as_without_it_but_for_rounding(bool halfPrecisionCache)
    {
        var options = _training.Options;
        (options.Precision, options.PrefixLayers, options.Advanced.HalfPrecisionTrunkCache) = (BackbonePrecision.BFloat16, 1, halfPrecisionCache);

        AssertSame(options, () => _training.Fit(TinyTraining.Texts(40), TinyTraining.Texts(20, seed: 1)), within: 2e-2);
    }

    [TestMethod]
    public void Same_seed_gives_the_same_bits_from_memory_and_from_the_file()
    {
        _training.Options.PrefixLayers = 1;
        using var memory = _training.Fit(TinyTraining.Texts(40), TinyTraining.Texts(20, seed: 1));
        using var folder = new TemporaryDirectory();
        (_training.Options.Advanced.TrunkCacheMemoryMegabytes, _training.Context.TempFilePath) = (0, folder.Path);
        using var file = _training.Fit(TinyTraining.Texts(40), TinyTraining.Texts(20, seed: 1));

        AssertSame(memory, file, within: 0);
        StringAssert.Contains(CacheLines[^1], $"in a temporary file in '{folder.Path}'");
    }

    [TestMethod]
    public void Dropout_in_the_encoder_switches_it_off()
    {
        (_training.Options.PrefixLayers, _training.Options.BackboneDropout) = (1, 0.1);

        _training.Fit(TinyTraining.Texts(20)).Dispose();

        Assert.IsEmpty(CacheLines);
    }

    [TestMethod]
    [DataRow(1024)]
    [DataRow(0)]
    public void Failed_training_leaves_no_native_memory_behind(int megabytes)
    {
        var options = _training.Options;
        (options.PrefixLayers, options.Advanced.TrunkCacheMemoryMegabytes) = (1, megabytes);
        options.Progress = new EveryStep(_ => throw new InvalidDataException("from the callback"));
        var before = LiveTensors.CountSettled();

        Assert.ThrowsExactly<InvalidDataException>(() => _training.Fit(TinyTraining.Texts(20)));

        Assert.HasCount(1, CacheLines);
        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Training_time_counts_the_computation_of_what_is_kept()
    {
        var clock = new TrainingClock([1], 1, 1) { Preparation = TimeSpan.FromHours(1) };
        clock.StartStep();
        clock.EndStep(1);

        Assert.IsGreaterThanOrEqualTo(TimeSpan.FromHours(1), clock.Elapsed);
        Assert.AreEqual(TimeSpan.Zero, clock.TimeLeft);
    }

    private string[] CacheLines => [.. _training.Log.Where(line => line.Contains("computed once", StringComparison.Ordinal))];

    private void ForTiny(PTuningV2Trainer.Options options, int prefixLength)
    {
        (options.Backbone, options.PrefixLength, options.PrefixLayers) = (_training.Options.Backbone, prefixLength, 1);
        (options.MaxLength, options.MaxEpochs, options.LearningRate, options.BatchSize) = (12, 3, 0.02, 8);
        (options.Seed, options.Advanced.Shards) = (1, 2);
    }

    private void AssertSame(PTuningV2Trainer.Options options, Func<PTuningV2Transformer> fit, double within = 1e-5)
    {
        _training.Log.Clear();
        using var cached = fit();
        options.Advanced.CacheTrunk = false;
        using var computed = fit();

        AssertSame(computed, cached, within);
        Assert.HasCount(1, CacheLines, "one training of the two keeps it");
    }

    private static void AssertSame(PTuningV2Transformer expected, PTuningV2Transformer actual, double within = 1e-5)
    {
        foreach (var (epoch, other) in expected.Summary!.Epochs.Zip(actual.Summary!.Epochs))
        {
            Assert.AreEqual(epoch.Loss, other.Loss, within);
            Assert.AreEqual(epoch.ValidationLoss ?? 0, other.ValidationLoss ?? 0, within);
        }
        var values = ValuesOf(actual);
        foreach (var (name, tensor) in ValuesOf(expected).Where(tensor => !IsRoundingNoise(expected, tensor.Key)))
            foreach (var (value, other) in tensor.Zip(values[name]))
                Assert.AreEqual(value, other, within, name);
    }

    /// <summary>Whether the loss does not depend on it: its exact gradient is 0, and AdamW makes steps of the rounding.</summary>
    private static bool IsRoundingNoise(PTuningV2Transformer model, string tensor) =>
        tensor == "head.bias" && model.Model.Task is QuestionAnswering or MultipleChoice;

    private static Dictionary<string, float[]> ValuesOf(PTuningV2Transformer model)
    {
        Dictionary<string, float[]> values = [];
        model.Model.Use((TrainedTensors tensors) => values = tensors.ToDictionary(t => t.Key, t => t.Value.data<float>().ToArray()));
        return values;
    }

    /// <summary>What stands between two letters of a context of one or two windows.</summary>
    private static Questioned Question(Random random)
    {
        char[] letters = [.. Enumerable.Range(0, random.Next(2, 16)).Select(_ => (char)('a' + random.Next(5)))];
        var place = random.Next(letters.Length);
        letters[place] = 'x';
        return new() { Context = string.Join(' ', letters), TrainingAnswer = "x", AnswerIndex = 2 * place };
    }

    private sealed class Questioned
    {
        public string Context { get; set; } = "";

        public string Question { get; set; } = "y";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }
    }

    private sealed class Choice
    {
        public string Sentence1 { get; set; } = "";

        [VectorType(2)]
        public string[] Choices { get; set; } = [];

        [KeyType(2)]
        public uint Label { get; set; }
    }
}
