using System.Text.Json;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training.Distributed;

/// <summary>What a shard gives: a safetensors file with a document under <c>__metadata__</c>.</summary>
/// <param name="Losses">Of each of its pieces.</param>
/// <param name="Outputs">The head's, of each of its pieces.</param>
/// <param name="Gradients">By name; only of tensors that were read.</param>
/// <param name="Generator">The state of the shard's dropout afterwards.</param>
internal sealed record ShardResult(
    IReadOnlyList<double> Losses, IReadOnlyList<Tensor> Outputs, IReadOnlyList<(string Name, Tensor Value)> Gradients, byte[] Generator)
{
    private const string MetadataKey = "shard", Gradient = "gradient.";

    private static readonly JsonSerializerOptions Json = StateJson.Options();

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(
            stream,
            [.. Outputs.Select((outputs, i) => (OutputsOf(i), outputs)), .. Gradients.Select(gradient => (Gradient + gradient.Name, gradient.Value))],
            metadata: new Dictionary<string, string> { [MetadataKey] = JsonSerializer.Serialize(new Document(Losses, Generator), Json) });
        return stream.ToArray();
    }

    /// <summary>Reads a message. The tensors belong to the caller's dispose scope.</summary>
    /// <exception cref="InvalidDataException">The bytes are no such message, or do not fit the shard.</exception>
    /// <param name="pieces">How many pieces the shard has.</param>
    /// <param name="leaves">The tensors that may have gradients.</param>
    public static ShardResult Read(byte[] bytes, int pieces, TrainedTensors leaves)
    {
        using var file = SafetensorsFile.ReadInPlace(new MemoryStream(bytes, 0, bytes.Length, writable: false, publiclyVisible: true), "the shard's result");
        var document = ReadDocument(file);
        string[] gradients = [.. file.Entries.Keys.Where(name => name.StartsWith(Gradient, StringComparison.Ordinal)).Select(name => name[Gradient.Length..])];
        if (document.Losses.Count != pieces || file.Entries.Count != pieces + gradients.Length)
            throw new InvalidDataException($"The shard's result has {document.Losses.Count} pieces; expected {pieces}. Use one version of the library everywhere.");
        if (gradients.FirstOrDefault(name => !leaves.Contains(name) || !file.Entries[Gradient + name].Shape.SequenceEqual(leaves[name].shape)) is { } wrong)
            throw new InvalidDataException($"The shard's result has a gradient {file.Entries[Gradient + wrong]} of '{wrong}', which no trained tensor has.");

        return new(
            document.Losses, [.. Enumerable.Range(0, pieces).Select(i => file.Load(OutputsOf(i)))],
            [.. gradients.Select(name => (name, file.Load(Gradient + name)))],
            document.Generator);
    }

    private static Document ReadDocument(SafetensorsFile file)
    {
        try
        {
            return (file.Metadata.TryGetValue(MetadataKey, out var text) ? JsonSerializer.Deserialize<Document>(text, Json) : null)
                ?? throw new InvalidDataException("The shard's result does not tell its losses. Expected what PTuningShardWorker.Compute gave.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"The shard's result is damaged: {e.Message}", e);
        }
    }

    private static string OutputsOf(int piece) => $"outputs.{piece}";

    private sealed record Document(IReadOnlyList<double> Losses, byte[] Generator);
}
