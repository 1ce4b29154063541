using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

/// <summary>Writes the zip that <c>torch.save(state_dict)</c> writes (torch/serialization.py, since 1.6).</summary>
internal static class TorchWriter
{
    /// <summary>Each tensor with a storage of its own.</summary>
    public static void Write(
        string path, IEnumerable<(string Name, Tensor Tensor)> tensors, CompressionLevel compression = CompressionLevel.NoCompression)
    {
        var all = tensors.ToArray();
        var stored = all.Select((pair, i) => (pair.Name, Stored(pair.Tensor, key: $"{i}")));
        Write(path, PickleWriter.StateDictionary(stored), all.Select((pair, i) => ($"data/{i}", Bytes(pair.Tensor))), compression);
    }

    /// <summary>The state of a training whose model has these tensors.</summary>
    public static void WriteTrainingState(string path, IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        var all = tensors.ToArray();
        Write(
            path, PickleWriter.TrainingState(all.Select((pair, i) => (pair.Name, Stored(pair.Tensor, key: $"{i}")))),
            all.Select((pair, i) => ($"data/{i}", Bytes(pair.Tensor))));
    }

    /// <param name="storages">Names below the root, and bytes.</param>
    public static void Write(
        string path, byte[] pickle, IEnumerable<(string Name, byte[] Bytes)> storages, CompressionLevel compression = CompressionLevel.NoCompression,
        string byteOrder = "little", string root = "archive")
    {
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, bytes) in storages.Append(("data.pkl", pickle)).Append(("byteorder", Encoding.ASCII.GetBytes(byteOrder))))
        {
            var created = zip.CreateEntry($"{root}/{name}", compression);
            created.LastWriteTime = new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero); // The same tensors give the same bytes at any time.
            using var entry = created.Open();
            entry.Write(bytes);
        }
    }

    private static StoredTensor Stored(Tensor tensor, string key)
    {
        var storageClass = tensor.dtype switch
        {
            ScalarType.Float16 => "HalfStorage",
            ScalarType.BFloat16 => "BFloat16Storage",
            ScalarType.Int64 => "LongStorage",
            _ => "FloatStorage",
        };
        return new(storageClass, key, tensor.numel(), Offset: 0, tensor.shape, tensor.stride());
    }

    private static byte[] Bytes(Tensor tensor) => tensor.numel() == 0 ? [] : tensor.bytes.ToArray();
}
