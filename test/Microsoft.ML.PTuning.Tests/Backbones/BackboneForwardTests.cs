using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using Microsoft.ML.PTuning.Tests.Methods;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Tests.Backbones;

[TestClass]
[TestCategory("Numeric")]
public sealed class BackboneForwardTests
{
    private const int PrefixLength = 2;

    private readonly Draw _draw = new();
    private TinyCheckpoint? _checkpoint;

    /// <summary>Last, because Windows deletes no file that is mapped.</summary>
    [TestCleanup]
    public void DeleteCheckpoint() => _checkpoint?.Dispose();

    [TestMethod]
    [DataRow("bert", 3, new[] { 3, 4, 5 })]
    [DataRow("roberta", 3, new[] { 5, 6, 7 })]
    [DataRow("xlm-roberta", 3, new[] { 5, 6, 7 })]
    public void Embed_sums_word_segment_and_shifted_position(string modelType, int offset, int[] positions)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint(modelType, prefix: "").Save();
        using var backbone = checkpoint.Load();
        var tables = checkpoint.Tensors;

        var sum = tables["embeddings.word_embeddings.weight"][tensor(new long[] { 2, 9, 3 })]
            + tables["embeddings.position_embeddings.weight"][tensor(positions).to(ScalarType.Int64)]
            + tables["embeddings.token_type_embeddings.weight"][0];
        var expected = functional.layer_norm(sum, [8], tables["embeddings.LayerNorm.weight"], tables["embeddings.LayerNorm.bias"], 1e-5);

        Numbers.AreClose(expected.unsqueeze(0), backbone.Embed(Batch([2, 9, 3]), offset));
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("electra")]
    [DataRow("albert")]
    public void Families_with_two_segment_types_tell_segments_apart(string modelType)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(modelType);
        var batch = Batch([2, 9, 3]);

        var hidden = backbone.Embed(batch with { Segments = ones_like(batch.Ids) }, 0);

        Assert.IsFalse(hidden.allclose(backbone.Embed(batch, 0)));
    }

    [TestMethod]
    [DataRow("roberta")]
    [DataRow("distilbert")]
    public void Families_with_one_segment_type_or_none_ignore_segments(string modelType)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(modelType);
        var batch = Batch([2, 9, 3]);

        var hidden = backbone.Embed(batch with { Segments = ones_like(batch.Ids) }, 0);

        Numbers.AreClose(backbone.Embed(batch, 0), hidden, absolute: 0, relative: 0);
    }

    [TestMethod]
    [DataRow("bert", 16)]
    [DataRow("roberta", 14)]
    [DataRow("xlm-roberta", 14)]
    [DataRow("electra", 16)]
    [DataRow("distilbert", 16)]
    [DataRow("albert", 16)]
    [DataRow("deberta", 16)]
    public void Prefix_and_tokens_together_may_fill_all_positions_and_no_more(string modelType, int positions)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(modelType);
        var batch = Batch([2, 9, 3]);

        Assert.AreEqual(positions, backbone.MaxPositions);
        using var last = backbone.Embed(batch, positions - 3);
        var refusal = Assert.ThrowsExactly<ArgumentException>(() => backbone.Embed(batch, positions - 2));
        StringAssert.Contains(
            refusal.Message,
            $"{positions - 2} prefix positions and 3 tokens need {positions + 1} positions, but this {modelType} backbone has {positions}");
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("roberta")]
    [DataRow("xlm-roberta")]
    [DataRow("electra")]
    [DataRow("distilbert")]
    [DataRow("albert")]
    [DataRow("deberta")]
    [DataRow("deberta-v2")]
    [DataRow("deberta-v3")]
    public void A_row_gives_the_same_alone_and_padded_beside_a_longer_one(string modelType)
    {
        using var scope = NewDisposeScope();
        Load(modelType).Dispose();
        using var backbone = TypedEncoder.Load(_checkpoint!.Path, ScalarType.Float64); // Which hardly rounds.
        LayerPrefix[] prefixes = [.. Prefixes(backbone).Select(p => new LayerPrefix(p.Keys.to(ScalarType.Float64), p.Values.to(ScalarType.Float64)))];
        var pad = backbone.Configuration.PadTokenId;

        var alone = backbone.Forward(Batch([2, 9, 3]), prefixes, PrefixLength);
        var mask = tensor(new float[,] { { 1, 1, 1, 0, 0 }, { 1, 1, 1, 1, 1 } });
        var padded = backbone.Forward(Batch([2, 9, 3, pad, pad], [2, 8, 7, 6, 3]) with { Mask = mask }, prefixes, PrefixLength);

        Numbers.AreClose(alone[0], padded[0].narrow(0, 0, 3), absolute: 1e-10);
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("electra")]
    [DataRow("distilbert")]
    [DataRow("albert")]
    [DataRow("deberta")]
    [DataRow("deberta-v2")]
    [DataRow("deberta-v3")]
    public void Layers_run_in_parts_give_what_they_give_in_one(string modelType)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(modelType);
        var batch = Batch([2, 9, 3]);
        var prefixes = Prefixes(backbone);

        foreach (var cut in (int[])[1, 2])
        {
            var trunk = backbone.RunLayers(backbone.Embed(batch, 0), batch, prefixes, 0, cut);
            var hidden = backbone.RunLayers(trunk, batch, prefixes, cut, 3);

            Numbers.AreClose(backbone.Forward(batch, prefixes), hidden, absolute: 0, relative: 0);
        }
    }

    [TestMethod]
    public void No_layers_give_back_what_entered()
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("bert");
        var batch = Batch([2, 9, 3]);
        var embedded = backbone.Embed(batch, 0);

        Assert.AreSame(embedded, backbone.RunLayers(embedded, batch, tuning: null, 1, 1));
    }

    [TestMethod]
    public void Prefixes_of_different_lengths_stand_in_one_encoder()
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("bert");
        var batch = Batch([2, 9, 3, 0], [2, 8, 7, 3]) with { Mask = tensor(new float[,] { { 1, 1, 1, 0 }, { 1, 1, 1, 1 } }) };
        LayerPrefix?[] prefixes = [null, new(_draw.Normal(2, 2, 4), _draw.Normal(2, 2, 4)), new(_draw.Normal(2, 2, 5, 4), _draw.Normal(2, 2, 5, 4))];

        var hidden = backbone.Forward(batch, prefixes);

        Numbers.AreClose(backbone.Forward(Batch([2, 9, 3]), [null, prefixes[1], RowOf(prefixes[2]!, 0)])[0], hidden[0].narrow(0, 0, 3));
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta")]
    [DataRow("deberta-v2")]
    [DataRow("deberta-v3")]
    public void Only_prefixed_layers_and_those_above_differ_and_ask_for_a_gradient(string modelType)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(modelType);
        var batch = Batch([2, 9, 3]);
        var keys = _draw.Normal(PrefixLength, 2, 4).requires_grad_();
        LayerPrefix?[] prefixes = [null, null, new(keys, keys)];

        var embedded = backbone.Embed(batch, 0);
        var trunk = backbone.RunLayers(embedded, batch, prefixes, 0, 2);
        var hidden = backbone.RunLayers(trunk, batch, prefixes, 2, 3);

        Numbers.AreClose(backbone.RunLayers(embedded, batch, null, 0, 2), trunk, absolute: 0, relative: 0);
        Assert.IsFalse(trunk.requires_grad);
        Assert.IsTrue(hidden.requires_grad);
    }

    [TestMethod]
    [DataRow("bert", "pooler.dense")]
    [DataRow("albert", "pooler")]
    public void Pool_is_a_dense_layer_and_tanh_over_the_first_token(string modelType, string pooler)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint(modelType, prefix: "").Save();
        using var backbone = checkpoint.Load();
        var hidden = _draw.Normal(2, 3, 8);

        var expected = (matmul(hidden[TensorIndex.Colon, 0], checkpoint.Tensors[$"{pooler}.weight"].t()) + checkpoint.Tensors[$"{pooler}.bias"]).tanh();

        Numbers.AreClose(expected, backbone.Pool(hidden));
    }

    [TestMethod]
    public void Pool_refuses_where_the_checkpoint_brought_no_pooler()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint("bert", prefix: "");
        checkpoint.Tensors.Remove("pooler.dense.weight");
        checkpoint.Tensors.Remove("pooler.dense.bias");
        using var backbone = checkpoint.Save().Load();

        Assert.ThrowsExactly<InvalidOperationException>(() => backbone.Pool(_draw.Normal(1, 3, 8)));
    }

    [TestMethod]
    [DataRow("gelu")]
    [DataRow("gelu_new")]
    [DataRow("gelu_fast")]
    [DataRow("gelu_pytorch_tanh")]
    [DataRow("relu")]
    [DataRow("silu")]
    public void Activations_follow_their_formulas(string name)
    {
        using var scope = NewDisposeScope();
        var x = linspace(-6, 6, 121);

        var expected = name switch
        {
            "gelu" => x * 0.5 * (1 + (x / Math.Sqrt(2)).erf()),
            "relu" => x * (x > 0),
            "silu" => x / (1 + (-x).exp()),
            _ => 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x.pow(3))).tanh()),
        };

        Numbers.AreClose(expected, Activation.Named(name)(x));
    }

    [TestMethod]
    public void Dropout_reaches_embeddings_attention_and_both_sub_layers()
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("bert");
        using var generator = new Generator(3);
        var batch = Batch([2, 9, 3]);
        var dropout = new Dropout(0.25, generator);
        var prefixes = Prefixes(backbone);

        var embedded = backbone.Embed(batch, 0, dropout: dropout);
        var first = backbone.RunLayers(embedded, batch, prefixes, 0, 1, dropout);

        using var again = new Generator(3);
        Numbers.AreClose(new Dropout(0.25, again).Apply(backbone.Embed(batch, 0)), embedded);
        foreach (long[] shape in (long[][])[[1, 2, 3, PrefixLength + 3], [1, 3, 8], [1, 3, 8]]) // probabilities, attention output, feed-forward output
            new Dropout(0.25, again).Apply(ones(shape));
        CollectionAssert.AreEqual(again.get_state().data<byte>().ToArray(), generator.get_state().data<byte>().ToArray());
        Assert.IsFalse(first.allclose(backbone.RunLayers(embedded, batch, prefixes, 0, 1)));
    }

    [TestMethod]
    public void Refuses_prefixes_for_another_number_of_layers()
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("bert");

        var refusal = Assert.ThrowsExactly<ArgumentException>(() => backbone.Forward(Batch([2, 9, 3]), [null, null]));

        StringAssert.Contains(refusal.Message, "each of the 3 layers, found 2");
    }

    [TestMethod]
    [DoNotParallelize]
    [DataRow("bert")]
    [DataRow("deberta")]
    [DataRow("deberta-v2")]
    public void Forward_leaves_nothing_but_its_result_without_any_scope(string modelType)
    {
        using var backbone = Load(modelType);
        using var ids = tensor(new long[,] { { 2, 9, 3, 0 } });
        using var segments = zeros_like(ids);
        using var mask = tensor(new float[,] { { 1, 1, 1, 0 } });
        using var keys = _draw.Normal(PrefixLength, 2, 4);
        var prefix = new LayerPrefix(keys, keys);
        var before = LiveTensors.CountSettled();

        using var hidden = backbone.Forward(new EncodedBatch(ids, segments, mask), [prefix, prefix, prefix]);

        Assert.AreEqual(before + 1, LiveTensors.Count);
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta-v2")]
    public void Threads_that_share_a_backbone_get_the_same_numbers(string modelType)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(modelType);
        var batch = Batch([2, 9, 3]);
        var expected = backbone.Forward(batch);

        Parallel.For(0, 32, _ =>
        {
            using var inner = NewDisposeScope();
            using var frozen = no_grad();
            Numbers.AreClose(expected, backbone.Forward(batch));
        });
    }

    private Backbone Load(string modelType)
    {
        var isDeberta = modelType.StartsWith("deberta", StringComparison.Ordinal);
        _checkpoint = (isDeberta ? DebertaCheckpoints.Create(modelType) : new TinyCheckpoint(modelType)).Save();
        return _checkpoint.Load();
    }

    private static EncodedBatch Batch(params long[][] rows)
    {
        var ids = stack(rows.Select(row => tensor(row)));
        return new EncodedBatch(ids, zeros_like(ids), Mask: null);
    }

    private LayerPrefix[] Prefixes(Backbone backbone) =>
        [.. Enumerable.Range(0, backbone.Configuration.Layers).Select(_ => new LayerPrefix(_draw.Normal(PrefixLength, 2, 4), _draw.Normal(PrefixLength, 2, 4)))];

    private static LayerPrefix RowOf(LayerPrefix prefix, int row) => new(prefix.Keys.narrow(0, row, 1), prefix.Values.narrow(0, row, 1));
}
