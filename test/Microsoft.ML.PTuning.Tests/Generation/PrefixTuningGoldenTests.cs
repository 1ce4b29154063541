using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Generation;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Generation;

/// <summary>GPT-2 and BART under Li &amp; Liang's prefix against what their code computed and wrote.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class PrefixTuningGoldenTests
{
    private const string Gpt2 = "gpt2.prefix-tuning", Bart = "bart.prefix-tuning";

    private static readonly Dictionary<string, string> Tasks = new() { [Gpt2] = "causal-lm", [Bart] = "seq2seq-lm" };

    public static IEnumerable<object[]> Roads =>
        from name in Tasks.Keys
        from road in (IEnumerable<(int Shards, bool Recomputes)>)[(1, false), (3, false), (1, true)]
        select new object[] { name, road.Shards, road.Recomputes };

    [TestMethod]
    [DataRow(Gpt2)]
    [DataRow(Bart)]
    public void Networks_give_the_keys_and_values_of_every_layer(string name)
    {
        using var golden = Open(name);
        using var weights = golden.InF32();
        using var parameters = OfficialMethod.Of(golden, weights, weights.Backbone).Parameters;
        using var scope = NewDisposeScope();
        var prefix = parameters.Values()[TrainedTensors.Prefix];                                       // [P, L, 2, h, D]
        string[] stacks = name == Bart ? ["encoder.", "self.", "encoder_decoder."] : [""];

        var next = new int[stacks.Length];
        for (var layer = 0; layer < prefix.size(1); layer++)
        {
            var stack = weights.Backbone.StackOf(layer);
            var expected = $"expect.past.{next[stack]++}.{stacks[stack]}";
            Numbers.AreClose(golden.Tensors[expected + "key"].squeeze(0), prefix.select(1, layer).select(1, 0).transpose(0, 1));
            Numbers.AreClose(golden.Tensors[expected + "value"].squeeze(0), prefix.select(1, layer).select(1, 1).transpose(0, 1));
        }
    }

    [TestMethod]
    [DataRow(Gpt2)]
    [DataRow(Bart)]
    public void Forward_with_the_prefix_gives_the_logits_of_every_token(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();

        ExactNumbers.AreClose(golden, golden.Tensors["expect.logits"], weights =>
        {
            var (encoder, tensors) = Prefixed(golden, weights);
            var batch = golden.Batch;
            if (golden.Tensors.TryGetValue("input.decoder_input_ids", out var decoder))
                batch = batch with { DecoderIds = decoder, DecoderMask = decoder.ne(weights.Backbone.Configuration.PadTokenId).to(ScalarType.Float32) };
            var tuning = encoder.Method.Tune(encoder.Backbone, tensors, batch.Rows, dropout: null);
            var states = encoder.Backbone.Forward(batch, tuning, encoder.ReservedPositions);
            return encoder.Backbone.LanguageHead!.Forward(states.reshape(-1, states.size(2))).view(states.size(0), states.size(1), -1);
        });
    }

    [TestMethod]
    [DynamicData(nameof(Roads))]
    public void Step_gives_the_loss(string name, int shards, bool recompute)
    {
        var run = Run(name);
        run.Exact["loss"].AreClose(run.Expected["loss"], run.Ours(shards, recompute)["loss"]);
    }

    [TestMethod]
    [DynamicData(nameof(Roads))]
    public void Step_gives_every_trained_tensor_its_gradient(string name, int shards, bool recompute) =>
        Run(name).CompareGradients(shards, recompute);

    [TestMethod]
    [DynamicData(nameof(Roads))]
    public void Five_steps_give_the_losses_and_the_values_of_every_trained_tensor(string name, int shards, bool recompute) =>
        Run(name).CompareFiveSteps(shards, recompute);

    [TestMethod]
    [DataRow(Gpt2, 1, true)]
    [DataRow(Gpt2, 1, false)]
    [DataRow(Gpt2, 4, true)]
    [DataRow(Gpt2, 4, false)]
    [DataRow(Bart, 1, true)]
    [DataRow(Bart, 1, false)]
    [DataRow(Bart, 4, true)]
    [DataRow(Bart, 4, false)]
    public void Writes_the_tokens_that_their_code_wrote(string name, int beams, bool keeps)
    {
        using var golden = Open(name);
        using var weights = golden.InF32();
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var (encoder, tensors) = Prefixed(golden, weights);
        var expected = golden.Tensors[$"expect.generate.{(beams == 1 ? "greedy" : "beam4")}"];
        var start = name == Bart ? 1 : 5; // The tokens that generation begins with are among the expected ones.
        var settings = new GenerationSettings
        {
            Beams = beams,
            MaxNewTokens = (int)expected.size(1) - start,
            MinNewTokens = name == Bart ? 20 : 0,
        };

        using var stream = new TokenStream(encoder, tensors, Start(golden), keeps);
        var written = ITextSearch.For(settings, EndOf(name, beams)).Write(stream, [0, 1, 2], () => { });

        for (var row = 0; row < written.Length; row++)
        {
            long[] tokens = [.. written[row][0].Tokens.Select(id => (long)id)];
            var own = expected[row].narrow(0, start, expected.size(1) - start).data<long>().ToArray();
            CollectionAssert.AreEqual(own, written[row][0].Ended ? [.. tokens, 2] : tokens, $"row {row}: {string.Join(' ', tokens)}");
        }
    }

    /// <summary>transformers 3.2 forces the end of a text in beam search only.</summary>
    private static TextEnd EndOf(string name, int beams) => name == Bart ? new(2, IsForced: beams > 1) : new(Id: null);

    /// <summary>BART's decoder begins with the end of a text, GPT-2's with the text's last token.</summary>
    private static EncodedBatch Start(GoldenEncoder golden)
    {
        if (!golden.Tensors.TryGetValue("input.generate.input_ids", out var ids))
            return golden.Batch with { DecoderIds = full(golden.Batch.Rows, 1, 2, ScalarType.Int64) };

        var text = ids.narrow(1, 0, ids.size(1) - 1);
        return new EncodedBatch(text, zeros_like(text), Mask: null) { DecoderIds = ids.narrow(1, ids.size(1) - 1, 1) };
    }

    private static (PromptedEncoder Encoder, TrainedTensors Tensors) Prefixed(GoldenEncoder golden, GoldenWeights weights)
    {
        var backbone = weights.Backbone.WithLanguageHead(golden.Directory);
        var official = OfficialMethod.Of(golden, weights, backbone);
        var tensors = new TrainedTensors();
        foreach (var (name, value) in official.Parameters.Values())
            tensors.Add(name, value);
        return (official.Method.Adapt(backbone), tensors);
    }

    private static OfficialRun Run(string name)
    {
        using (Open(name))
            return OfficialRun.Of(Path.Combine(GoldenFiles.Root, "prefix-tuning", name), Tasks[name]);
    }

    private static GoldenEncoder Open(string name)
    {
        var path = Path.Combine(GoldenFiles.Root, "prefix-tuning", name);
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        return new(path, "init.", GoldenEncoder.IsOfTheEncoder);
    }
}
