using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;
using PretrainEncoder;
using PretrainEncoder.Data;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>Small language models from a corpus to the folder that the library trains on.</summary>
[TestClass]
public sealed class PretrainEncoderTests
{
    private static readonly MLContext Context = new(1);

    private readonly CountingCorpus _corpus = new();

    [TestCleanup]
    public void DeleteCorpus() => _corpus.Dispose();

    /// <summary>The last document alone is held out: its loss follows from the probabilities that the written model gives.</summary>
    [TestMethod]
    public void Written_model_has_the_loss_that_was_told()
    {
        Settings settings = _corpus.Settings("gpt2") with { Steps = 10 };
        double told = Train(settings).HeldOutLoss!.Value;

        using var scope = NewDisposeScope();
        using var backbone = Backbone.Load(settings.Output, CPU, withLanguageHead: true);
        Corpus corpus = Corpus.Read(_corpus.Path);
        string text = string.Join(' ', corpus.Ids[corpus.Starts[^2]..].Select(id => corpus.Vocabulary.TokenOf(id)));
        var tokenizer = TextTokenizer.Load(settings.Output, "gpt2");
        var read = tokenizer.Encode(text, null, 24);
        long[] next = [.. read.Tokens[1..].Select(token => (long)token.Id), tokenizer.Generation!.End];
        var states = backbone.Forward(EncodedRow.Collate([EncodedRow.Of(read)], tokenizer.PadId, CPU)).squeeze(0);
        var logs = nn.functional.log_softmax(backbone.LanguageHead!.Forward(states), 1).gather(1, tensor(next).unsqueeze(1));

        Assert.AreEqual(-logs.mean().item<float>(), told, 1e-5);
    }

    [TestMethod]
    public void Decoder_goes_on_with_a_text()
    {
        Settings settings = _corpus.Settings("gpt2");
        PretrainingResult result = Train(settings);
        AssertLossFell(settings, result);
        Assert.IsLessThan(0.6 * result.Losses[0], result.HeldOutLoss!.Value);

        TextPair[] rows = [.. Enumerable.Range(0, 8).Select(i => new TextPair { Text = string.Join(' ', CountingCorpus.Words[i..(i + 2)]), Label = "one" })];
        var data = Context.Data.LoadFromEnumerable(rows);
        using var model = Context.MulticlassClassification.Trainers.PTuningV2TextGeneration(new PTuningV2Trainer.TextGenerationOptions
        {
            Backbone = settings.Output,
            Method = new FineTuning(),
            LearningRate = 1e-9, // The model is to write what it has learned before.
            MaxEpochs = 1,
            MaxLength = 8,
            ContinuesText = true,
            Generation = new() { MinNewTokens = 2, MaxNewTokens = 2 },
        }).Fit(data);

        string[] written = [.. Context.Data.CreateEnumerable<Written>(model.Transform(data), reuseRowObject: false).Select(row => row.GeneratedText)];
        CollectionAssert.AreEqual(Enumerable.Range(0, 8).Select(i => string.Join(' ', CountingCorpus.Words[(i + 2)..(i + 4)])).ToArray(), written);
    }

    [TestMethod]
    public void Encoder_fills_gaps_and_learns_classes()
    {
        Settings settings = _corpus.Settings("bert");
        AssertLossFell(settings, Train(settings));

        string[] words = CountingCorpus.Words;
        Ticket[] rows =
            [.. Enumerable.Range(0, 8).Select(i => new Ticket { Text = string.Join(' ', words[i..(i + 3)]), Topic = words[i + 3] })];
        IDataView data = Context.Data.LoadFromEnumerable(rows);
        data = Context.Transforms.Conversion.MapValueToKey("Label", "Topic").Fit(data).Transform(data);
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = settings.Output,
            PrefixLength = 0,
            MaxLength = 12,
            Pattern = "{text} {mask}",
            Verbalizer = new(),
            Advanced = { Shards = 2 },
        };
        foreach (Ticket row in rows)
            options.Verbalizer[row.Topic] = [row.Topic];
        using var asked = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(data);
        Assert.IsGreaterThan(0.7, asked.Summary!.Epochs.Single().Metric);

        (options.Pattern, options.Verbalizer, options.PrefixLength, options.MaxEpochs, options.BatchSize) = (null, null, 2, 40, 4);
        using var trained = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(data);
        Assert.IsGreaterThan(0.5, trained.Summary!.Epochs[^1].Metric);
    }

    [TestMethod]
    [DataRow("gpt2")]
    [DataRow("bert")]
    public void Same_seed_gives_the_same_bits(string family)
    {
        byte[] Weights(string name, int seed)
        {
            Settings settings = _corpus.Settings(family, name) with { Steps = 6, Seed = seed };
            Train(settings);
            return File.ReadAllBytes(Path.Combine(settings.Output, "model.safetensors"));
        }

        byte[] first = Weights("first", seed: 1);
        CollectionAssert.AreEqual(first, Weights("again", seed: 1));
        CollectionAssert.AreNotEqual(first, Weights("other", seed: 2));
    }

    [TestMethod]
    public void Weights_may_be_written_in_half_precision()
    {
        Settings whole = _corpus.Settings("bert", "whole") with { Steps = 2 }, half = _corpus.Settings("bert", "half") with { Steps = 2, HalfPrecision = true };
        Train(whole);
        Train(half);
        using var scope = NewDisposeScope();
        using Backbone one = Backbone.Load(whole.Output, CPU), other = Backbone.Load(half.Output, CPU);

        foreach (string name in one.Tensors.Names)
        {
            float[] rounded = one.Tensors[name].to(ScalarType.Float16).to(ScalarType.Float32).data<float>().ToArray();
            CollectionAssert.AreEqual(rounded, other.Tensors[name].data<float>().ToArray(), name);
        }
    }

    [TestMethod]
    public void Cancelled_training_writes_the_model_that_it_has()
    {
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Settings settings = _corpus.Settings("gpt2");
        PretrainingResult result = Pretraining.Run(settings, TextWriter.Null, cancellation.Token);

        Assert.IsEmpty(result.Losses);
        Assert.IsNull(result.HeldOutLoss);
        using var backbone = Backbone.Load(settings.Output, CPU, withLanguageHead: true);
        Assert.AreEqual(17, backbone.Configuration.VocabularySize);
    }

    [TestMethod]
    public void Folder_that_holds_files_is_not_written_to()
    {
        IOException refused = Assert.ThrowsExactly<IOException>(() => Train(_corpus.Settings("gpt2", output: ".")));
        StringAssert.Contains(refused.Message, "expected a new or empty folder, but it holds files. Name another one with --out.");
    }

    private static void AssertLossFell(Settings settings, PretrainingResult result)
    {
        double first = result.Losses.Take(5).Average(), last = result.Losses.TakeLast(5).Average();
        Assert.HasCount(settings.Steps!.Value, result.Losses);
        Assert.AreEqual(Math.Log(17), first, 0.7); // At first all words are about as probable: twelve and five special tokens.
        Assert.IsLessThan(0.6 * first, last);
    }

    private static PretrainingResult Train(Settings settings) => Pretraining.Run(settings, TextWriter.Null, CancellationToken.None);
}
