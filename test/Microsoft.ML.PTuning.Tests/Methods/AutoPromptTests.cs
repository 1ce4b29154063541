using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>The search for trigger words against one step of the published formula, and over words that tell classes apart.</summary>
[TestClass]
public sealed class AutoPromptTests
{
    private const int Candidates = 10;

    /// <summary>Each golden row has the words of its right class, so the rows' words are the classes.</summary>
    [TestMethod]
    [TestCategory("Numeric")]
    [DataRow(1)]
    [DataRow(3)]
    public void Gradient_scores_and_candidates_are_those_of_the_paper(int shards)
    {
        using var golden = Open();
        using var weights = golden.InF64();
        using var scope = NewDisposeScope();
        using var backbone = weights.Backbone.WithLanguageHead(golden.Directory);
        var search = new RecordingSearch(new TriggerSearch(backbone, TriggerOf(golden), new HashSet<int>(), Candidates));
        using var optimizer = Optimizer(golden, backbone, search, shards);

        var step = optimizer.Step(Rows(golden), learningRate: 0);

        Assert.AreEqual(golden.Tensors["expect.loss"].item<float>(), step.Loss, 1e-5);
        Numbers.AreClose(golden.Tensors["expect.trigger_grad"], search.Gradient!, absolute: 1e-6, relative: 1e-4);
        Numbers.AreClose(golden.Tensors["expect.scores"], search.Search.Scores(search.Gradient!), absolute: 1e-6, relative: 1e-4);
        var expected = golden.Tensors["expect.candidates"].data<long>().ToArray().Chunk(Candidates).ToArray();
        var found = search.Search.Candidates(search.Gradient!);
        for (var place = 0; place < expected.Length; place++)
            CollectionAssert.AreEqual(expected[place].Select(word => (int)word).ToArray(), found[place]);
    }

    [TestMethod]
    public void Next_steps_rows_choose_the_word_with_the_smallest_loss()
    {
        using var golden = Open();
        using var weights = golden.InF32();
        using var scope = NewDisposeScope();
        using var backbone = weights.Backbone.WithLanguageHead(golden.Directory);
        var search = new TriggerSearch(backbone, TriggerOf(golden), new HashSet<int> { 51 }, Candidates);
        using var optimizer = Optimizer(golden, backbone, search, shards: 1);
        var rows = Rows(golden);

        var first = optimizer.Step(rows, learningRate: 0).Loss;
        var words = search.Words.ToArray();
        var tried = search.Candidates(GradientOf(golden, backbone))[0];
        var losses = tried.Prepend(words[0]).ToDictionary(word => word, word => LossOf(golden, backbone, [word, words[1], words[2]]));
        var second = optimizer.Step(rows, learningRate: 0).Loss;

        Assert.DoesNotContain(51, tried);
        Assert.AreEqual(losses.MinBy(pair => pair.Value).Key, search.Words[0]);
        Assert.AreEqual(losses.Values.Min(), second, 1e-6);
        Assert.IsLessThanOrEqualTo(first, second);
    }

    [TestMethod]
    public void Model_names_its_words_and_finds_them_again()
    {
        using var encoder = new TinyEncoder(TinyLanguageModel.Checkpoint());
        var mlContext = new MLContext(1);
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            LabelColumnName = "Topic",
            Sentence1ColumnName = "Text",
            Backbone = encoder.Path,
            Pattern = "{text} {prompt:2} {mask}",
            Verbalizer = new Verbalizer { ["billing"] = ["invoice"], ["software"] = ["error"], ["delivery"] = ["parcel"] },
            Method = new AutoPrompt { Length = 2, Candidates = 4 },
            MaxLength = 14,
            MaxEpochs = 4,
            Seed = 1,
        };
        var data = mlContext.Data.LoadFromEnumerable(Tickets.Rows(48));
        var keyed = mlContext.Transforms.Conversion.MapValueToKey("Topic").Fit(data).Transform(data);
        using var model = mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(keyed);
        using var stream = new MemoryStream();

        model.SaveTo(stream);
        stream.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(mlContext, stream);

        Assert.HasCount(2, model.PromptWords);
        CollectionAssert.AreEqual(model.PromptWords.ToArray(), loaded.PromptWords.ToArray());
        CollectionAssert.IsNotSubsetOf(model.PromptWords.ToArray(), (string[])["[MASK]"]);
        CollectionAssert.IsSubsetOf(model.PromptWords.Where(word => word != "[MASK]").Distinct().ToArray(), Tickets.Words);
        Assert.IsEmpty(model.PromptWords.Intersect(["invoice", "error", "parcel"]));
    }

    [TestMethod]
    public void Words_of_the_classes_are_looked_for()
    {
        using var encoder = new TinyEncoder(TinyLanguageModel.Checkpoint());
        var mlContext = new MLContext(1);
        var data = Tickets.Keyed(mlContext, Tickets.Rows(48));
        using var model = mlContext.MulticlassClassification.Trainers.PTuningV2(Options(encoder, new AutoPrompt { Length = 1, LabelWords = 2 })).Fit(data);
        using var stream = new MemoryStream();
        model.SaveTo(stream);
        stream.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(mlContext, stream);

        var verbalizer = ((MulticlassClassification)model.Model.Task).Verbalizer!;
        CollectionAssert.AreEqual(model.Classes.ToArray(), verbalizer.Select(words => words.Class).ToArray());
        Assert.IsTrue(verbalizer.All(words => words.Words.Length == 2 && words.Tokens!.All(tokens => tokens.Length == 1)));
        CollectionAssert.AllItemsAreUnique(verbalizer.SelectMany(words => words.Words).ToArray());
        CollectionAssert.IsSubsetOf(verbalizer.SelectMany(words => words.Words).ToArray(), Tickets.Words);
        Scores.AssertEqual(Scores.Read(mlContext, model.Transform(data)), Scores.Read(mlContext, loaded.Transform(data)));
    }

    [TestMethod]
    [DataRow("{text}", false, "the method looks for 2 words per class, but the Pattern '{text}' has no {mask}")]
    [DataRow(null, false, "the method looks for 2 words per class, but there is no Pattern")]
    [DataRow("{text} {mask}", true, "there is a Verbalizer, but the method looks for 2 words per class")]
    public void Words_that_have_no_place_are_not_looked_for(string? pattern, bool hasWords, string message)
    {
        using var encoder = new TinyEncoder(TinyLanguageModel.Checkpoint());
        var mlContext = new MLContext(1);
        var options = Options(encoder, new AutoPrompt { Length = 1, LabelWords = 2 });
        options.Pattern = pattern;
        if (hasWords)
            options.Verbalizer = new Verbalizer { ["billing"] = ["invoice"], ["software"] = ["error"], ["delivery"] = ["parcel"] };

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(
            () => mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(Tickets.Keyed(mlContext, Tickets.Rows(24))));

        Assert.Contains(message, refusal.Message);
    }

    private static PTuningV2Trainer.MulticlassOptions Options(TinyEncoder encoder, AutoPrompt method) => new()
    {
        Sentence1ColumnName = "Text",
        Backbone = encoder.Path,
        Pattern = "{text} {mask}",
        Method = method,
        MaxLength = 14,
        MaxEpochs = 2,
        Seed = 1,
    };

    private static GoldenEncoder Open()
    {
        var path = Path.Combine(GoldenFiles.Root, "methods", "bert.autoprompt");
        return File.Exists($"{path}.safetensors")
            ? new GoldenEncoder(path, "init.", GoldenEncoder.IsOfTheEncoder)
            : throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
    }

    private static PromptOptimizer Optimizer(GoldenEncoder golden, Backbone backbone, MethodParameters search, int shards)
    {
        var task = TaskOf(golden);
        var settings = new TrainingSettings { LearningRate = 0, BatchSize = 3, MaxEpochs = 1, Shards = shards };
        return new(
            settings, search, [new LearnedTask(task, new PromptNetwork(new AutoPrompt { Length = 3 }.Adapt(backbone), task.Head), new Dictionary<string, Tensor>())],
            padId: 0, CPU);
    }

    private static MulticlassClassification TaskOf(GoldenEncoder golden) => Any.Classification(3) with
    {
        SumsProbabilities = true,
        Verbalizer = [.. golden.Tensors["input.label_ids"].data<long>().ToArray().Chunk(2).Select(
            (ids, i) => new ClassWords($"{i}", ["word", "word"]) { Tokens = [.. ids.Select(id => new[] { (int)id })] })],
    };

    private static double LossOf(GoldenEncoder golden, Backbone backbone, int[] words)
    {
        using var optimizer = Optimizer(golden, backbone, new TriggerSearch(backbone, words, new HashSet<int>(), Candidates), shards: 1);
        return optimizer.Step(Rows(golden), learningRate: 0).Loss;
    }

    private static Tensor GradientOf(GoldenEncoder golden, Backbone backbone)
    {
        var search = new RecordingSearch(new TriggerSearch(backbone, TriggerOf(golden), new HashSet<int>(), Candidates));
        using var optimizer = Optimizer(golden, backbone, search, shards: 1);
        optimizer.Step(Rows(golden), learningRate: 0);
        return search.Gradient!;
    }

    private static int[] TriggerOf(GoldenEncoder golden) => [.. PlacesOf(golden, 0).Select(place => (int)golden.Batch.Ids[0, place].item<long>())];

    private static int[] PlacesOf(GoldenEncoder golden, int row) =>
        [.. golden.Tensors["input.trigger_mask"][row].data<long>().ToArray().Select((isTrigger, place) => (isTrigger, place)).Where(p => p.isTrigger == 1).Select(p => p.place)];

    private static ExamplePart[] Rows(GoldenEncoder golden) =>
    [
        .. Enumerable.Range(0, golden.Batch.Rows).Select(row =>
        {
            var length = (int)golden.Tensors["input.attention_mask"][row].sum().item<long>();
            int[] ids = [.. golden.Batch.Ids[row].data<long>().ToArray().Take(length).Select(id => (int)id)];
            return new ExamplePart([new EncodedRow(ids, new int[length]) { PromptPlaces = PlacesOf(golden, row), MaskPlace = Array.IndexOf(ids, 4) }], [row]);
        }),
    ];

    /// <summary>Keeps the gradient that a search gets.</summary>
    private sealed class RecordingSearch(TriggerSearch search) : SearchedParameters
    {
        public TriggerSearch Search => search;

        public Tensor? Gradient { get; private set; }

        public override IReadOnlyList<Tensor> Parameters => [];

        public override IReadOnlyList<int> State
        {
            get => search.State;
            set => search.State = value;
        }

        public override IReadOnlyDictionary<string, Tensor> Values() => search.Values();

        public override void Propose(IReadOnlyDictionary<string, Tensor> gradients) => Gradient = gradients[TrainedTensors.Prompt].clone().DetachFromDisposeScope();

        public override void Choose(Func<IReadOnlyDictionary<string, Tensor>, double> loss)
        {
        }
    }
}
