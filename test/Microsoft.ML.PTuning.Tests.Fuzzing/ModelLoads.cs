using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Encoders;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>Loads saved models, and predicts.</summary>
internal static class ModelLoads
{
    private const string Zip = "model.zip", Document = "Prompt.json", Tensors = "Prompt.safetensors", Hash = "tensorsHash", Digest = "digest";

    private const int PredictedRows = 2;

    private static readonly MLContext s_context = new(1);

    /// <summary>The encoder of most models stays in memory, as it does where models are served.</summary>
    private static readonly OpenBackbone s_encoder = BackboneLibrary.Open("mini-cased", TorchSharp.torch.CPU);

    private static readonly Row[] s_rows =
    [
        new() { Text = "the parcel is late", Words = ["the", "parcel"], Context = "it is late now", Question = "what is late", Choices = ["it", "she"] },
        new(),
    ];

    public static void OwnZip(string folder, string variant)
    {
        using var model = PTuningV2Transformer.LoadFrom(s_context, Path.Combine(folder, Zip));
        Predict(model);
    }

    public static void MLNetZip(string folder, string variant)
    {
        var model = s_context.Model.Load(Path.Combine(folder, Zip), out _);
        Predict(model);
        (model as IDisposable)?.Dispose();
    }

    /// <summary>Puts the two entries into a zip and loads it.</summary>
    /// <remarks>The document's hash of the tensors is made to fit, and its own is left out, so that all is read.</remarks>
    public static void Entries(string folder, string variant)
    {
        var tensors = File.ReadAllBytes(Path.Combine(folder, Tensors));
        var document = WithHash(File.ReadAllBytes(Path.Combine(folder, Document)), Convert.ToHexString(SHA256.HashData(tensors)).ToLowerInvariant());
        using (var zip = new ZipArchive(File.Create(Path.Combine(folder, Zip)), ZipArchiveMode.Create))
        {
            foreach (var (name, content) in ((string, byte[])[])[(Document, document), (Tensors, tensors)])
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.Fastest).Open();
                entry.Write(content);
            }
        }
        OwnZip(folder, variant);
    }

    private static byte[] WithHash(byte[] document, string hash)
    {
        try
        {
            if (JsonNode.Parse(document) is not JsonObject json || json[Hash]?.GetValueKind() != JsonValueKind.String)
                return document;
            json[Hash] = hash;
            json.Remove(Digest);
            return JsonSerializer.SerializeToUtf8Bytes(json);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            return document;
        }
    }

    public static void Predict(ITransformer model)
    {
        IDataView scored;
        try
        {
            scored = model.Transform(s_context.Data.LoadFromEnumerable(s_rows));
        }
        catch (ArgumentOutOfRangeException e) when (e.Message.Contains("column", StringComparison.OrdinalIgnoreCase))
        {
            return; // The model reads another column: it says which.
        }
        scored.Preview(PredictedRows);
        GC.KeepAlive(s_encoder);
    }

    private sealed class Row
    {
        public string Text { get; set; } = "";

        public string[] Words { get; set; } = [];

        public string Context { get; set; } = "";

        public string Question { get; set; } = "";

        [VectorType(2)]
        public string[] Choices { get; set; } = ["", ""];
    }
}
