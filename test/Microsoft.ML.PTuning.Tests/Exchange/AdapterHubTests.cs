using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Exchange;

/// <summary>
/// Prefixes of AdapterHub. There are no files that its library wrote; the layout is that of its code (adapter-hub/adapters,
/// <c>methods/prefix_tuning.py</c>, <c>loading.py</c>, <c>heads/base.py</c>).
/// </summary>
/// <remarks>
/// Its prefix is that of P-tuning v2 but for the positions, which it does not move. So the official model's logits are also AdapterHub's over an encoder
/// whose table of positions begins at row P. Its network is the official one with the same activation.
/// </remarks>
[TestClass]
[TestCategory("Numeric")]
public sealed class AdapterHubTests
{
    private const int Length = 7;

    [TestMethod]
    [DataRow("bert.sequence-classification", "pooler", false)]
    [DataRow("bert.sequence-classification.projection", "pooler", false)]
    [DataRow("roberta.sequence-classification", "dense", false)]
    [DataRow("roberta.sequence-classification.projection", "dense", true)]
    [DataRow("bert.sequence-classification", "model", true)]
    [DataRow("bert.token-classification", "tagging", false)]
    [DataRow("roberta.token-classification", "tagging", true)]
    [DataRow("bert.question-answering", "question_answering", false)]
    [DataRow("bert.multiple-choice", "multiple_choice", false)]
    public void Import_gives_the_official_logits_over_moved_positions(string name, string head, bool asTorch)
    {
        using var golden = Open(name);
        using var encoder = EncoderOf(golden);
        using var adapter = AdapterOf(golden, encoder, head);
        if (asTorch)
            AsTorch(adapter);
        using var model = PTuningV2Transformer.ImportAdapterHub(new MLContext(1), adapter.Path); // The file names the encoder's folder.
        ImportedScores.AreClose(golden.Tensors, model);
        Assert.AreEqual(Length, model.PrefixLength);
    }

    /// <summary>w₂ · relu(w₁ · e + b₁) + b₂, number by number.</summary>
    [TestMethod]
    public void Network_of_another_activation_is_computed()
    {
        using var golden = Open("bert.sequence-classification.projection");
        using var encoder = EncoderOf(golden);
        using var adapter = AdapterOf(golden, encoder, "pooler").Bend("adapter_config.json", file => file["config"]!["non_linearity"] = "relu");
        using var model = PTuningV2Transformer.ImportAdapterHub(new MLContext(1), adapter.Path);

        var (embedding, w1, b1) = (Numbers("embedding.weight"), Numbers("trans.0.weight"), Numbers("trans.0.bias"));
        var (w2, b2) = (Numbers("trans.2.weight"), Numbers("trans.2.bias"));
        var (hidden, inner, width) = (32, b1.Length, b2.Length);
        var actual = model.Model.Tensors[TrainedTensors.Prefix].flatten().data<float>().ToArray();
        for (var p = 0; p < Length; p++)
        {
            var states = new double[inner];
            for (var i = 0; i < inner; i++)
                states[i] = Math.Max(0, b1[i] + Enumerable.Range(0, hidden).Sum(j => (double)w1[i * hidden + j] * embedding[p * hidden + j]));
            for (var o = 0; o < width; o++)
                Assert.AreEqual(b2[o] + Enumerable.Range(0, inner).Sum(i => w2[o * inner + i] * states[i]), actual[p * width + o], 1e-5);
        }

        float[] Numbers(string tensor) => golden.Tensors[$"init.prefix_encoder.{tensor}"].data<float>().ToArray();
    }

    [TestMethod]
    public void Layers_that_are_left_out_have_no_prefix()
    {
        using var golden = Open("bert.sequence-classification");
        using var encoder = EncoderOf(golden);
        using var adapter = AdapterOf(golden, encoder, "pooler").Bend("adapter_config.json", file => file["config"]!["leave_out"] = new JsonArray(1));
        var whole = golden.Tensors["init.prefix_encoder.embedding.weight"].view(Length, 3, 64);
        var kept = stack([whole.select(1, 0), whole.select(1, 2)], 1).flatten();
        adapter.Write("adapter.safetensors", new Dictionary<string, Tensor> { [$"{Root("bert")}control_trans"] = kept });
        using var model = PTuningV2Transformer.ImportAdapterHub(new MLContext(1), adapter.Path);

        CollectionAssert.AreEqual(new[] { 0, 2 }, ((DeepPrefix)model.Model.Method).ShapeFor(model.Model.Network.Encoder.Backbone).Selected.ToArray());
        Assert.IsTrue(model.Model.Tensors[TrainedTensors.Prefix].select(1, 1).flatten(1).equal(whole.select(1, 2)).all().item<bool>());
    }

    [TestMethod]
    public void Classes_are_those_of_the_head()
    {
        using var golden = Open("bert.sequence-classification");
        using var encoder = EncoderOf(golden);
        using var adapter = AdapterOf(golden, encoder, "pooler").Bend("head_config.json", file =>
            file["config"]!["label2id"] = new JsonObject { ["late"] = 2, ["paid"] = 0, ["lost"] = 1 });
        using var model = PTuningV2Transformer.ImportAdapterHub(new MLContext(1), adapter.Path);
        CollectionAssert.AreEqual(new[] { "paid", "lost", "late" }, model.Classes.ToArray());
    }

    [TestMethod]
    [DataRow("adapter_config.json", "architecture", "\"lora\"", "architecture is \"lora\", expected one of prefix_tuning")]
    [DataRow("adapter_config.json", "use_gating", "true", "gates that depend on the text")]
    [DataRow("adapter_config.json", "non_linearity", "\"leakyrelu\"", "non_linearity is \"leakyrelu\"")]
    [DataRow("adapter_config.json", "leave_out", "[0, 1, 2]", "leaves out all 3 layers")]
    [DataRow("head_config.json", "head_type", "\"causal_lm\"", "head_type is \"causal_lm\"")]
    [DataRow("head_config.json", "use_pooler", "false", "layers is 1 and use_pooler False")]
    public void Setting_that_is_not_supported_is_refused(string file, string field, string value, string message)
    {
        using var golden = Open("bert.sequence-classification");
        using var encoder = EncoderOf(golden);
        using var adapter = AdapterOf(golden, encoder, "pooler").Bend(file, json => json["config"]![field] = JsonNode.Parse(value));
        AssertRefused<InvalidDataException>(adapter, message);
    }

    [TestMethod]
    public void Adapter_without_a_head_is_refused()
    {
        using var golden = Open("bert.sequence-classification");
        using var encoder = EncoderOf(golden);
        using var adapter = AdapterOf(golden, encoder, "pooler").Delete("head_config.json");
        AssertRefused<FileNotFoundException>(adapter, "save it with its head");
    }

    [TestMethod]
    public void Several_prefixes_are_refused()
    {
        using var golden = Open("bert.sequence-classification");
        using var encoder = EncoderOf(golden);
        using var adapter = AdapterOf(golden, encoder, "pooler");
        adapter.Write("adapter.safetensors", adapter.Read("adapter.safetensors")
            .Append(new("bert.prefix_tuning.prefix_tunings.tickets.cross_prefix.control_trans", ones(6))));
        AssertRefused<InvalidDataException>(adapter, "holds 2 prefixes");
    }

    private static void AssertRefused<T>(ForeignFolder adapter, string message)
        where T : Exception =>
        StringAssert.Contains(Assert.ThrowsExactly<T>(() => PTuningV2Transformer.ImportAdapterHub(new MLContext(1), adapter.Path)).Message, message);

    private static GoldenEncoder Open(string name) => new(Path.Combine(GoldenFiles.Root, "official", name), "init.", GoldenEncoder.IsOfTheEncoder);

    /// <summary>The encoder, with the rows of its table of positions moved by the length of the prefix.</summary>
    private static ForeignFolder EncoderOf(GoldenEncoder golden)
    {
        var folder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        var weights = folder.Read("model.safetensors");
        var key = weights.Keys.Single(name => name.EndsWith("position_embeddings.weight", StringComparison.Ordinal));
        var rows = weights[key];
        weights[key] = cat([rows.narrow(0, Length, rows.size(0) - Length), rows.narrow(0, 0, Length)], 0);
        return folder.Write("model.safetensors", weights);
    }

    private static ForeignFolder AdapterOf(GoldenEncoder golden, ForeignFolder encoder, string head)
    {
        var family = BackboneConfiguration.Read(encoder.Path).ModelType;
        Tensor Initial(string name) => golden.Tensors[$"init.{name}"];
        var isFlat = !golden.Tensors.ContainsKey("init.prefix_encoder.trans.0.weight");
        Dictionary<string, Tensor> prefix = isFlat
            ? new() { [$"{Root(family)}control_trans"] = Initial("prefix_encoder.embedding.weight").flatten() }
            : new()
            {
                [$"{Root(family)}wte.weight"] = Initial("prefix_encoder.embedding.weight"),
                [$"{Root(family)}control_trans.0.weight"] = Initial("prefix_encoder.trans.0.weight"),
                [$"{Root(family)}control_trans.0.bias"] = Initial("prefix_encoder.trans.0.bias"),
                [$"{Root(family)}control_trans.2.weight"] = Initial("prefix_encoder.trans.2.weight"),
                [$"{Root(family)}control_trans.2.bias"] = Initial("prefix_encoder.trans.2.bias"),
            };

        var output = head == "question_answering" ? "qa_outputs" : "classifier";
        var hasDense = head is "dense" or "multiple_choice";
        var last = head == "model" ? "classifier" : hasDense ? "heads.tickets.4" : "heads.tickets.1";
        var tensors = new Dictionary<string, Tensor> { [$"{last}.weight"] = Initial($"{output}.weight"), [$"{last}.bias"] = Initial($"{output}.bias") };
        foreach (var kind in hasDense ? (string[])["weight", "bias"] : [])
            tensors[$"heads.tickets.1.{kind}"] = Initial($"{family}.pooler.dense.{kind}");
        var outputs = Initial($"{output}.bias").size(0);

        var folder = new ForeignFolder().Write("adapter.safetensors", prefix).Write("model_head.safetensors", tensors);
        return folder.Write("adapter_config.json", $$"""
            {
              "config": {
                "architecture": "prefix_tuning", "bottleneck_size": 24, "cross_prefix": true, "dropout": 0.0, "encoder_prefix": true,
                "flat": {{(isFlat ? "true" : "false")}}, "init_weights_seed": null, "leave_out": [], "non_linearity": "tanh", "prefix_length": {{Length}},
                "shared_gating": true, "use_gating": false
              },
              "config_id": "f0f1f2", "hidden_size": 32, "model_class": "BertAdapterModel", "model_name": {{JsonValue.Create(encoder.Path).ToJsonString()}},
              "model_type": "{{family}}", "name": "tickets", "version": "adapters.1.0.1"
            }
            """).Write("head_config.json", head == "model"
            ? $$"""
            {
              "config": null, "hidden_size": 32, "label2id": { "LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2 }, "model_class": "BertForSequenceClassification",
              "model_name": "bert", "model_type": "bert", "name": null, "num_labels": {{outputs}}, "version": "adapters.1.0.1"
            }
            """
            : $$"""
            {
              "config": {
                "activation_function": "tanh", "bias": true, "dropout_prob": null, "head_type": "{{(head is "pooler" or "dense" ? "classification" : head)}}",
                "label2id": null, "layers": {{(hasDense ? 2 : 1)}}, "num_labels": {{outputs}}, "use_pooler": {{(head == "pooler" ? "true" : "false")}}
              },
              "hidden_size": 32, "model_class": "BertAdapterModel", "model_name": "bert", "model_type": "{{family}}", "name": "tickets",
              "version": "adapters.1.0.1"
            }
            """);
    }

    private static string Root(string family) => $"{family}.prefix_tuning.prefix_tunings.tickets.self_prefix.";

    private static void AsTorch(ForeignFolder adapter)
    {
        foreach (var (safe, torch) in (IEnumerable<(string, string)>)
            [("adapter.safetensors", "pytorch_adapter.bin"), ("model_head.safetensors", "pytorch_model_head.bin")])
        {
            TorchWriter.Write(adapter.File(torch), adapter.Read(safe).Select(pair => (pair.Key, pair.Value)));
            adapter.Delete(safe);
        }
    }
}
