using System.IO.Compression;
using ICSharpCode.SharpZipLib.Checksum;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Persistence;

/// <summary>What a saved model's two entries say.</summary>
/// <param name="Tensors">The tensors' entry, unread.</param>
/// <param name="Source">The zip's name in messages.</param>
internal sealed record SavedPrompt(PromptDocument Document, MemoryStream Tensors, string Source);

/// <summary>The two entries of a saved model.</summary>
/// <remarks>
/// <c>Prompt.json</c>: format version, task, prompt method, reference to the encoder, training summary (<see cref="PromptDocument"/>).
/// <c>Prompt.safetensors</c>: what the method trained, such as <c>prefix</c> [P, L', 2, h, D], <c>head.*</c>, and <c>pooler.*</c> if it was trained.
/// They are in ML.NET's zip beside <c>Model.key</c>, or alone at the root of a zip of our own.
/// </remarks>
internal static class PromptArchive
{
    public const string DocumentEntry = "Prompt.json";

    public const string TensorsEntry = "Prompt.safetensors";

    /// <summary>Squares of larger numbers are beyond F32. No training ends with them.</summary>
    private const float LargestNumber = 1e18f;

    /// <summary>How many entries of a foreign zip a message names, and how much of a name.</summary>
    private const int MostNamed = 20, LongestShown = 100;

    /// <returns>The two entries' content.</returns>
    /// <exception cref="InvalidOperationException">The tensors take more bytes than an entry can hold.</exception>
    public static (byte[] Document, byte[] Tensors) Write(PromptModel model, SafetensorsStorage storage)
    {
        byte[] written = [];
        model.Use(tensors =>
        {
            (string, Tensor)[] all = [.. tensors.Select(t => (t.Key, t.Value))];
            written = new byte[RequireRoom(SafetensorsWriter.SizeOf(all, storage), storage)]; // One buffer of the final size: these may be a whole encoder.
            using var content = new MemoryStream(written);
            SafetensorsWriter.Write(content, all, storage);
        });
        return (PromptDocument.Of(model, written).ToBytes(), written);
    }

    /// <summary>Writes a zip with the two entries at its root; the stream gets all of it or nothing.</summary>
    /// <param name="stream">It need not seek, and stays open.</param>
    public static void WriteZip(PromptModel model, Stream stream, SafetensorsStorage storage)
    {
        var (document, tensors) = Write(model, storage);
        using var content = new MemoryStream(tensors.Length);
        using (var zip = new ZipArchive(content, ZipArchiveMode.Create, leaveOpen: true))
        {
            WriteEntry(zip, DocumentEntry, document, CompressionLevel.Fastest);
            WriteEntry(zip, TensorsEntry, tensors, CompressionLevel.NoCompression); // Trained numbers hardly shrink, and fast compression makes them larger.
        }
        content.Position = 0;
        content.CopyTo(stream);
    }

    /// <summary>The two entries of a zip that <see cref="WriteZip"/> wrote.</summary>
    /// <param name="source">The zip's name in messages.</param>
    /// <exception cref="FormatException">It is no such zip.</exception>
    public static (MemoryStream Document, MemoryStream Tensors) ReadZip(Stream stream, string source)
    {
        using var content = new MemoryStream();
        stream.CopyTo(content);
        try
        {
            using var zip = new ZipArchive(content, ZipArchiveMode.Read, leaveOpen: true);
            return (ReadEntry(zip, DocumentEntry, source), ReadEntry(zip, TensorsEntry, source));
        }
        catch (InvalidDataException e)
        {
            throw new FormatException($"'{source}' holds no readable zip: {e.Message} Expected what PTuningV2Transformer.SaveTo wrote.", e);
        }
    }

    /// <summary>An entry that ML.NET has unpacked.</summary>
    /// <exception cref="InvalidDataException">It is larger than any such entry, or is none; the message is the reason only.</exception>
    public static MemoryStream ReadUnpacked(Stream stream, string name)
    {
        if (EntryLimits.Refusal(name, stream.Length, packed: null) is { } reason)
            throw new InvalidDataException(reason);
        if (name == TensorsEntry)
            SafetensorsHeader.Read(stream, name); // Before all of it is in memory: it tells the length.
        var content = new MemoryStream((int)stream.Length);
        stream.Position = 0;
        stream.CopyTo(content);
        return content;
    }

    /// <summary>Reads what the two entries say; the tensors stay bytes.</summary>
    /// <param name="source">The zip's name in messages.</param>
    /// <exception cref="FormatException">The document is damaged, or of a later version.</exception>
    public static SavedPrompt Read((MemoryStream Document, MemoryStream Tensors) entries, string source) =>
        new(PromptDocument.Read(Bytes(entries.Document), $"{source}: {DocumentEntry}"), entries.Tensors, source);

    /// <summary>Makes a model from its two entries and its encoder.</summary>
    /// <param name="location">The encoder's place on this machine.</param>
    /// <exception cref="InvalidDataException">The tensors are damaged, or do not fit task and encoder.</exception>
    public static PromptModel Open(SavedPrompt saved, BackboneLocation location, Device device, BackbonePrecision precision)
    {
        var (read, source) = (saved.Document, saved.Source);
        var chosen = precision.On(device, read.Method.ChangesWeights, read.Task.Writer is not null);
        var backbone = BackboneLibrary.Open(location, read.Backbone, device, chosen, read.Task.NeedsLanguageHead);
        TrainedTensors? trained = null;
        try
        {
            CheckFit(read, backbone.Lease, $"{source}: {DocumentEntry}");
            trained = ReadTensors(saved.Tensors, $"{source}: {TensorsEntry}", read, backbone.Lease.Backbone, device);
            return new PromptModel(read.Task, read.Method, backbone, trained, read.Training, device);
        }
        catch
        {
            trained?.Dispose();
            backbone.Lease.Dispose();
            throw;
        }
    }

    private static void CheckFit(PromptDocument document, BackboneLease backbone, string source)
    {
        var misfit = document.Task.FindMisfit(document.Method, backbone.Backbone, backbone.Tokenizer);
        if (misfit is not null)
            throw new InvalidDataException(
                $"'{source}' does not fit the backbone {document.Backbone}: {misfit} The file was changed; save the model again.");
    }

    private static TrainedTensors ReadTensors(MemoryStream content, string source, PromptDocument document, Backbone backbone, Device device)
    {
        using var file = SafetensorsFile.ReadInPlace(content, source);
        var expected = Expected(document, backbone);
        var problems = expected.Where(e => !file.Entries.ContainsKey(e.Key)).Select(e => $"'{e.Key}' {TensorDeclaration.Format(e.Value)} is missing")
            .Concat(file.Entries.Keys.Where(name => !expected.ContainsKey(name)).Select(name => $"'{name}' is unexpected"))
            .Concat(file.Entries.Values
                .Where(e => expected.TryGetValue(e.Name, out var shape) && (!e.Shape.SequenceEqual(shape) || e.Type is not ("F32" or "F16" or "BF16")))
                .Select(e => $"'{e.Name}' is {e}, expected F32 {TensorDeclaration.Format(expected[e.Name])}"))
            .ToArray();
        if (problems.Length > 0)
            throw new InvalidDataException(
                $"'{source}' does not fit the task and the backbone {document.Backbone}: {string.Join("; ", problems)}. "
                + "The file was changed, or mixed up with another model's.");

        if (document.TensorsHash is { } hash && PromptDocument.HashOf(Bytes(content)) is var found && found != hash)
            throw new InvalidDataException(
                $"'{source}' has SHA-256 {found}, expected {hash}. The file was damaged, or changed, or mixed up with another model's; save the model again.");

        using var scope = NewDisposeScope();
        var loaded = expected.Keys.ToDictionary(name => name, name => file.Load(name).to(device));
        var tensors = new TrainedTensors();
        foreach (var (name, tensor) in loaded)
        {
            RequireUsable(name, tensor, source);
            tensors.Add(name, tensor);
        }
        return tensors;
    }

    private static void RequireUsable(string name, Tensor tensor, string source)
    {
        if (tensor.numel() == 0)
            return;
        // Magnitudes would be a second tensor of the size; where it was, the C library leaves a gap that no tensor of the next model fits.
        using Tensor least = tensor.min(), greatest = tensor.max();
        var largest = Math.Max(-least.item<float>(), greatest.item<float>());
        if (!(largest <= LargestNumber)) // NaN is not.
            throw new InvalidDataException(FormattableString.Invariant(
                $"'{source}': tensor '{name}' holds {largest}; expected numbers up to {LargestNumber}, as training gives. ")
                + "Save the model again, or train anew.");
    }

    private static Dictionary<string, long[]> Expected(PromptDocument document, Backbone backbone)
    {
        var expected = document.Task.Head.Declare(backbone).ToDictionary(t => t.Name, t => t.Shape);
        foreach (var tensor in document.Method.Declare(backbone))
            expected.Add(tensor.Name, tensor.Shape);
        return expected;
    }

    private static void WriteEntry(ZipArchive zip, string name, byte[] content, CompressionLevel level)
    {
        using var entry = zip.CreateEntry(name, level).Open();
        entry.Write(content);
    }

    private static MemoryStream ReadEntry(ZipArchive zip, string name, string source)
    {
        var entries = zip.Entries.Where(entry => entry.FullName == name).ToArray();
        if (entries is not [var entry])
            throw new FormatException(
                $"'{source}': the zip has {(entries is [] ? "no entry" : "several entries")} '{name}' at its root; it has: "
                + $"{string.Join(", ", zip.Entries.Take(MostNamed).Select(Shown).DefaultIfEmpty("nothing"))}. "
                + "Expected what PTuningV2Transformer.SaveTo wrote; what mlContext.Model.Save wrote is read by mlContext.Model.Load.");
        if (EntryLimits.Refusal(name, entry.Length, entry.CompressedLength) is { } reason)
            throw new FormatException($"'{source}: {name}' is refused: {reason} Expected what PTuningV2Transformer.SaveTo wrote.");

        var content = new byte[entry.Length];
        using (var stream = entry.Open())
            if (stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false) < content.Length || stream.ReadByte() >= 0)
                throw new InvalidDataException($"Its entry '{name}' does not have the {content.Length} bytes that it announces.");
        var check = new Crc32(); // .NET's reader does not compare it.
        check.Update(content);
        if (check.Value is var found && found != entry.Crc32)
            throw new InvalidDataException($"Its entry '{name}' has the check number {found:x8}, expected {entry.Crc32:x8}: it was damaged.");
        return new MemoryStream(content, 0, content.Length, writable: false, publiclyVisible: true);
    }

    private static string Shown(ZipArchiveEntry entry) => entry.FullName.Length > LongestShown ? entry.FullName[..LongestShown] + "..." : entry.FullName;

    private static ReadOnlySpan<byte> Bytes(MemoryStream content) => content.GetBuffer().AsSpan(0, (int)content.Length);

    private static int RequireRoom(long bytes, SafetensorsStorage storage) => bytes <= Array.MaxLength
        ? (int)bytes
        : throw new InvalidOperationException(
            FormattableString.Invariant($"The model's tensors take {bytes:N0} bytes, but a saved model holds at most {Array.MaxLength:N0}. ")
            + (storage == SafetensorsStorage.F32 ? "Save it with SaveTo and halfPrecision: true, or train" : "Train")
            + " fewer tensors, for instance by LowRankAdaptation.");
}
