using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Tests.Methods;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Tests.Backbones.Families;

[TestClass]
[TestCategory("Numeric")]
public sealed class DebertaBackboneTests
{
    private const int PrefixLength = 2;

    private readonly Draw _draw = new();
    private TinyCheckpoint? _checkpoint;

    /// <summary>Last, because Windows deletes no file that is mapped.</summary>
    [TestCleanup]
    public void DeleteCheckpoint() => _checkpoint?.Dispose();

    [TestMethod]
    [DataRow("deberta")]
    [DataRow("deberta-v2")]
    public void Embed_sums_word_segment_and_shifted_position_and_projects_them(string version)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(version, configuration =>
        {
            configuration["position_biased_input"] = true;
            configuration["type_vocab_size"] = 2;
            configuration["embedding_size"] = 6;
        });
        var tables = _checkpoint!.Tensors;
        var batch = Batch([2, 9, 3]) with { Segments = tensor(new long[,] { { 0, 1, 1 } }) };

        var sum = tables["embeddings.word_embeddings.weight"][tensor(new long[] { 2, 9, 3 })]
            + tables["embeddings.position_embeddings.weight"].narrow(0, 4, 3)
            + tables["embeddings.token_type_embeddings.weight"][tensor(new long[] { 0, 1, 1 })];
        var projected = matmul(sum, tables["embeddings.embed_proj.weight"].t());
        var expected = functional.layer_norm(projected, [8], tables["embeddings.LayerNorm.weight"], tables["embeddings.LayerNorm.bias"], 1e-5);

        Numbers.AreClose(expected.unsqueeze(0), backbone.Embed(batch, positionOffset: 4));
    }

    [TestMethod]
    public void Embed_has_no_positions_but_those_that_are_asked_for()
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("deberta");

        Assert.Contains("embeddings.position_embeddings.weight", _checkpoint!.Tensors.Keys, "the decoder's table, as published checkpoints hold it");
        Numbers.AreClose(backbone.Embed(Batch([2, 9, 3]), 0), backbone.Embed(Batch([2, 9, 3]), 5), absolute: 0, relative: 0);
    }

    [TestMethod]
    [DataRow("deberta")]
    [DataRow("deberta-v2")]
    [DataRow("deberta-v3")]
    public void A_prefix_stands_nowhere_so_its_order_does_not_matter(string version)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(version);
        var batch = Batch([2, 9, 3, 4, 5]);
        var prefixes = Prefixes();
        LayerPrefix[] reversed = [.. prefixes.Select(prefix => new LayerPrefix(prefix.Keys.flip(0), prefix.Values.flip(0)))];

        Numbers.AreClose(backbone.Forward(batch, prefixes), backbone.Forward(batch, reversed));
    }

    [TestMethod]
    [DataRow("deberta")]
    [DataRow("deberta-v3")]
    public void The_order_of_tokens_matters(string version)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load(version);

        var hidden = backbone.Forward(Batch([2, 9, 3, 4, 5]));

        Assert.IsFalse(hidden.allclose(backbone.Forward(Batch([5, 4, 3, 9, 2])).flip(1)));
    }

    [TestMethod]
    public void Without_its_own_projections_a_layer_projects_relative_positions_like_content()
    {
        using var scope = NewDisposeScope();
        using var shared = Load("deberta-v3");
        var shares = _checkpoint!.Tensors;
        using var checkpoint = DebertaCheckpoints.Create("deberta-v3", configuration => configuration["share_att_key"] = false);
        foreach (var name in checkpoint.Tensors.Keys)
            checkpoint.Tensors[name] = shares[name.Replace("pos_key_proj", "key_proj").Replace("pos_query_proj", "query_proj")].clone();
        using var separate = checkpoint.Save().Load();

        Numbers.AreClose(shared.Forward(Batch([2, 9, 3])), separate.Forward(Batch([2, 9, 3])));
    }

    [TestMethod]
    public void Dropout_reaches_relative_embeddings_attention_and_both_sub_layers_and_the_convolution()
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("deberta-v2");
        using var generator = new Generator(3);
        var batch = Batch([2, 9, 3]);
        var embedded = backbone.Embed(batch, 0);

        backbone.RunLayers(embedded, batch, Prefixes(), 0, 1, new Dropout(0.25, generator));

        using var again = new Generator(3);
        foreach (long[] shape in (long[][])[[5, 8], [1, 2, 3, PrefixLength + 3], [1, 3, 8], [1, 3, 8], [1, 3, 8]])
            new Dropout(0.25, again).Apply(ones(shape));
        CollectionAssert.AreEqual(again.get_state().data<byte>().ToArray(), generator.get_state().data<byte>().ToArray());
    }

    [TestMethod]
    public void A_checkpoint_brings_no_pooler()
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("deberta");

        Assert.IsFalse(backbone.HasPooler);
        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => backbone.Pool(_draw.Normal(1, 3, 8)));
        StringAssert.Contains(refusal.Message, "train one with the head");
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow("relu")]
    public void A_trained_pooler_has_the_configurations_activation(string? activation)
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("deberta", configuration => configuration["pooler_hidden_act"] = activation);
        var x = linspace(-3, 3, 13);

        Numbers.AreClose(activation is null ? functional.gelu(x) : functional.relu(x), backbone.PoolerActivation(x));
    }

    [TestMethod]
    [DoNotParallelize]
    [DataRow("deberta")]
    [DataRow("deberta-v2")]
    public void Dispose_frees_all_that_loading_made(string version)
    {
        _checkpoint = DebertaCheckpoints.Create(version).Save();
        var before = LiveTensors.CountSettled();

        _checkpoint.Load().Dispose();

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void A_backbone_loaded_in_inference_mode_gives_gradients_later()
    {
        using var scope = NewDisposeScope();
        Backbone backbone;
        using (inference_mode(true))
            backbone = Load("deberta-v3");
        using var loaded = backbone;
        var prefixes = Prefixes();
        prefixes[0].Keys.requires_grad_();

        loaded.Forward(Batch([2, 9, 3]), prefixes).sum().backward();

        Assert.IsNotNull(prefixes[0].Keys.grad);
    }

    private Backbone Load(string version, Action<JsonObject>? bend = null)
    {
        _checkpoint = DebertaCheckpoints.Create(version, bend).Save();
        return _checkpoint.Load();
    }

    private static EncodedBatch Batch(params long[][] rows)
    {
        var ids = stack(rows.Select(row => tensor(row)));
        return new EncodedBatch(ids, zeros_like(ids), Mask: null);
    }

    private LayerPrefix[] Prefixes() =>
        [.. Enumerable.Range(0, 3).Select(_ => new LayerPrefix(_draw.Normal(PrefixLength, 2, 4), _draw.Normal(PrefixLength, 2, 4)))];
}
