using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Persistence;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Sentence vectors, each against its formula written out for one row at a time.</summary>
[TestClass]
[DoNotParallelize]
public sealed class PoolingTests
{
    private static readonly EncodedRow[] Rows = [Row(2, 9, 8, 7, 6, 3), Row(2, 5, 11, 3), Row(2, 12, 3)];

    [TestMethod]
    [DataRow(Pooling.Checkpoint)]
    [DataRow(Pooling.Trained)]
    [DataRow(Pooling.Mean)]
    public void Logits_of_padded_rows_are_those_of_each_row_alone(Pooling pooling)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();
        var network = new PromptNetwork(new LinearProbe().Adapt(backbone), new SentenceHead(3, pooling));
        using var tensors = Draw(network.Head, backbone);

        var actual = network.Forward(EncodedRow.Collate(Rows, padId: 0, CPU), tensors);

        for (var i = 0; i < Rows.Length; i++)
        {
            var hidden = backbone.Forward(EncodedRow.Collate([Rows[i]], padId: 0, CPU))[0];                     // [T, H]
            Numbers.AreClose(Expected(pooling, hidden, checkpoint, tensors), actual[i], absolute: 1e-5, relative: 1e-5);
        }
    }

    [TestMethod]
    [DataRow(Pooling.Checkpoint, "head.weight head.bias")]
    [DataRow(Pooling.Trained, "head.weight head.bias pooler.weight pooler.bias")]
    [DataRow(Pooling.Mean, "head.weight head.bias")]
    public void Dense_layer_is_trained_where_the_pooling_is_trained(Pooling pooling, string tensors)
    {
        using var backbone = new WeightlessBackbone(Configuration(), hasPooler: true);

        Assert.AreEqual(tensors, string.Join(' ', new SentenceHead(3, pooling).Declare(backbone).Select(t => t.Name)));
    }

    [TestMethod]
    [DataRow(false, true, Pooling.Checkpoint)]
    [DataRow(false, false, Pooling.Trained)]
    [DataRow(true, true, Pooling.Mean)]
    [DataRow(true, false, Pooling.Mean)]
    [DataRow(null, true, Pooling.Mean)]
    [DataRow(null, false, Pooling.Mean)]
    public void Automatic_is_the_mean_unless_the_encoder_was_trained_with_another_pooling(bool? poolsMean, bool hasPooler, Pooling expected)
    {
        using var backbone = new WeightlessBackbone(Configuration() with { PoolsMean = poolsMean }, hasPooler);

        Assert.AreEqual(expected, ((SentenceTask)Any.Classification(3).ForBackbone(backbone)).Pooling);
        Assert.AreEqual(expected, ((MultipleChoice)Any.Choice.ForBackbone(backbone)).Pooling);
    }

    [TestMethod]
    [DataRow(true, "head.weight head.bias")]
    [DataRow(false, "head.weight head.bias pooler.weight pooler.bias")]
    public void File_without_a_pooling_has_the_checkpoints_pooler_where_there_is_one(bool hasPooler, string tensors)
    {
        using var backbone = new WeightlessBackbone(Configuration() with { PoolsMean = true }, hasPooler);
        var json = JsonNode.Parse(Any.Document(Any.BinaryClassification).ToBytes())!.AsObject();
        Assert.IsTrue(json["task"]!.AsObject().Remove("pooling"));
        Assert.IsTrue(json.Remove("digest"));

        var task = PromptDocument.Read(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()), "file").Task;

        Assert.AreEqual(tensors, string.Join(' ', task.Head.Declare(backbone).Select(t => t.Name)));
    }

    [TestMethod]
    public void Trained_model_says_its_pooling_and_loads_with_it()
    {
        using var encoder = new TinyEncoder();
        using var model = Train(encoder, Pooling.Mean);
        using var zip = new MemoryStream();
        model.SaveTo(zip);
        zip.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(new MLContext(), zip);

        Assert.AreEqual(Pooling.Mean, ((SentenceTask)loaded.Model.Task).Pooling);
        var data = Tickets.Keyed(new MLContext(), Tickets.Rows(24));
        CollectionAssert.AreEqual(
            Scores.Read(new MLContext(), model.Transform(data)).SelectMany(row => row.Score).ToArray(),
            Scores.Read(new MLContext(), loaded.Transform(data)).SelectMany(row => row.Score).ToArray());
    }

    [TestMethod]
    public void Checkpoint_without_a_pooler_cannot_be_pooled_by_it()
    {
        using var encoder = new TinyEncoder(new TinyCheckpoint("electra"));

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Train(encoder, Pooling.Checkpoint));

        StringAssert.Contains(refusal.Message,
            "Pooling is Checkpoint, but this electra checkpoint has no pooler. Use Trained, Mean or Automatic.");
    }

    [TestMethod]
    public void Pooling_that_is_none_is_refused() =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => new MLContext().BinaryClassification.Trainers.PTuningV2(new PTuningV2Trainer.BinaryOptions { Pooling = (Pooling)7 }));

    private static PTuningV2Transformer Train(TinyEncoder encoder, Pooling pooling)
    {
        var options = encoder.Options();
        options.Pooling = pooling;
        var mlContext = new MLContext(1);
        return mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(Tickets.Keyed(mlContext, Tickets.Rows(24)));
    }

    private static Tensor Expected(Pooling pooling, Tensor hidden, TinyCheckpoint checkpoint, TrainedTensors tensors)
    {
        var vector = pooling switch                                                                             // [H]
        {
            Pooling.Checkpoint => Dense(checkpoint.Tensors["bert.pooler.dense.weight"], checkpoint.Tensors["bert.pooler.dense.bias"]),
            Pooling.Trained => Dense(tensors["pooler.weight"], tensors["pooler.bias"]),
            _ => hidden.mean([0]) / hidden.mean([0]).square().sum().sqrt() * 8,
        };
        return tensors["head.weight"].mv(vector) + tensors["head.bias"];

        Tensor Dense(Tensor weight, Tensor bias) => (weight.mv(hidden[0]) + bias).tanh();
    }

    private static TrainedTensors Draw(TaskHead head, Backbone backbone)
    {
        using var generator = new Generator(3);
        var tensors = new TrainedTensors();
        foreach (var tensor in head.Declare(backbone))
            tensors.Add(tensor.Name, randn(tensor.Shape, generator: generator).DetachFromDisposeScope());
        return tensors;
    }

    private static BackboneConfiguration Configuration()
    {
        using var checkpoint = new TinyCheckpoint();
        return BackboneConfiguration.Read(checkpoint.Path);
    }

    private static EncodedRow Row(params int[] ids) => new(ids, new int[ids.Length]);
}
