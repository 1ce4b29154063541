using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Tests.Methods;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>What families do in a way of their own.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class BackboneFamilyTests
{
    private static readonly Dictionary<string, string> BertName = new()
    {
        ["transformer.layer"] = "encoder.layer",
        ["attention.q_lin"] = "attention.self.query",
        ["attention.k_lin"] = "attention.self.key",
        ["attention.v_lin"] = "attention.self.value",
        ["attention.out_lin"] = "attention.output.dense",
        ["sa_layer_norm"] = "attention.output.LayerNorm",
        ["ffn.lin1"] = "intermediate.dense",
        ["ffn.lin2"] = "output.dense",
        ["output_layer_norm"] = "output.LayerNorm",
    };

    private readonly Draw _draw = new();
    private TinyCheckpoint? _checkpoint;

    /// <summary>Last, because Windows deletes no file that is mapped.</summary>
    [TestCleanup]
    public void DeleteCheckpoint() => _checkpoint?.Dispose();

    [TestMethod]
    [DataRow("electra", "embeddings_project")]
    [DataRow("albert", "encoder.embedding_hidden_mapping_in")]
    public void Embed_projects_small_embeddings_after_their_normalisation(string modelType, string projection)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint(modelType, prefix: "").Save();
        using var backbone = checkpoint.Load();
        var tables = checkpoint.Tensors;

        var sum = tables["embeddings.word_embeddings.weight"][tensor(new long[] { 2, 9, 3 })]
            + tables["embeddings.position_embeddings.weight"][tensor(new long[] { 3, 4, 5 })]
            + tables["embeddings.token_type_embeddings.weight"][0];
        var normal = functional.layer_norm(sum, [6], tables["embeddings.LayerNorm.weight"], tables["embeddings.LayerNorm.bias"], 1e-5);
        var expected = functional.linear(normal, tables[$"{projection}.weight"], tables[$"{projection}.bias"]); // [T, 8]

        Numbers.AreClose(expected.unsqueeze(0), backbone.Embed(Batch(2, 9, 3), 3));
    }

    [TestMethod]
    [DataRow("electra", "embeddings_project", false)]
    [DataRow("albert", "encoder.embedding_hidden_mapping_in", true)]
    public void Embeddings_of_the_hidden_size_are_projected_by_ALBERT_alone(string modelType, string projection, bool expected)
    {
        using var checkpoint = new TinyCheckpoint(modelType);
        checkpoint.Configuration["embedding_size"] = 8;
        checkpoint.SaveConfiguration();

        var declared = BackboneFamilies.Find(modelType)!.Declare(BackboneConfiguration.Read(checkpoint.Path));

        Assert.AreEqual(expected, declared.Any(declaration => declaration.Module == projection));
    }

    [TestMethod]
    public void DistilBERT_sums_word_and_position_alone()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint("distilbert", prefix: "").Save();
        using var backbone = checkpoint.Load();
        var tables = checkpoint.Tensors;

        var sum = tables["embeddings.word_embeddings.weight"][tensor(new long[] { 2, 9, 3 })]
            + tables["embeddings.position_embeddings.weight"][tensor(new long[] { 3, 4, 5 })];
        var expected = functional.layer_norm(sum, [8], tables["embeddings.LayerNorm.weight"], tables["embeddings.LayerNorm.bias"], 1e-12);

        Numbers.AreClose(expected.unsqueeze(0), backbone.Embed(Batch(2, 9, 3), 3));
    }

    [TestMethod]
    public void DistilBERT_is_BERT_under_other_names()
    {
        using var scope = NewDisposeScope();
        using var distil = new TinyCheckpoint("distilbert", prefix: "").Save();
        using var bert = new TinyCheckpoint("bert", prefix: "");
        bert.Configuration["layer_norm_eps"] = 1e-12;
        bert.Tensors["embeddings.token_type_embeddings.weight"] = zeros(2, 8);
        foreach (var (name, tensor) in distil.Tensors)
            bert.Tensors[BertName.Aggregate(name, (renamed, pair) => renamed.Replace(pair.Key, pair.Value, StringComparison.Ordinal))] = tensor.clone();
        using var expected = bert.SaveConfiguration().Save().Load();
        using var backbone = distil.Load();
        var batch = Batch(2, 9, 3);
        var prefixes = Prefixes();

        Numbers.AreClose(expected.Forward(batch, prefixes, 2), backbone.Forward(batch, prefixes, 2), absolute: 0, relative: 0);
    }

    [TestMethod]
    public void Each_run_of_ALBERTs_layer_has_a_prefix_of_its_own()
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("albert");
        var batch = Batch(2, 9, 3);
        var prefixes = Prefixes();

        var same = backbone.Forward(batch, [prefixes[0], prefixes[0], prefixes[0]]);

        Assert.IsFalse(same.allclose(backbone.Forward(batch, prefixes)));
    }

    [TestMethod]
    public void ALBERTs_runs_are_those_of_one_layer()
    {
        using var scope = NewDisposeScope();
        using var backbone = Load("albert");
        var batch = Batch(2, 9, 3);
        var embedded = backbone.Embed(batch, 0);

        var first = backbone.RunLayers(embedded, batch, tuning: null, 0, 1);

        Numbers.AreClose(first, backbone.RunLayers(embedded, batch, tuning: null, 2, 3), absolute: 0, relative: 0);
    }

    [TestMethod]
    [DataRow("electra")]
    [DataRow("distilbert")]
    public void Families_without_a_pooler_say_so(string modelType)
    {
        using var backbone = Load(modelType);

        Assert.IsFalse(backbone.HasPooler);
    }

    private Backbone Load(string modelType)
    {
        _checkpoint = new TinyCheckpoint(modelType).Save();
        return _checkpoint.Load();
    }

    private static EncodedBatch Batch(params long[] row)
    {
        var ids = tensor(row).unsqueeze(0);
        return new EncodedBatch(ids, zeros_like(ids), Mask: null);
    }

    /// <summary>One for each of three layers.</summary>
    private LayerPrefix[] Prefixes() => [.. Enumerable.Range(0, 3).Select(_ => new LayerPrefix(_draw.Normal(2, 2, 4), _draw.Normal(2, 2, 4)))];
}
