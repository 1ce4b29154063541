using System.Buffers.Binary;
using System.Text.Json;

namespace Microsoft.ML.PTuning.Tests.Exchange;

/// <summary>A reader of safetensors that has nothing in common with the library's: by the format's own description.</summary>
/// <remarks>8 bytes, the header's length, little-endian; the header, JSON; then the numbers. https://github.com/huggingface/safetensors</remarks>
internal sealed class SafetensorsReader
{
    private readonly Dictionary<string, (long[] Shape, float[] Numbers)> _tensors = [];

    public SafetensorsReader(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(8, length));
        foreach (var entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                Format = entry.Value.GetProperty("format").GetString();
                continue;
            }
            Assert.AreEqual("F32", entry.Value.GetProperty("dtype").GetString());
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];
            int[] offsets = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt32())];
            var numbers = new float[(offsets[1] - offsets[0]) / 4];
            for (var i = 0; i < numbers.Length; i++)
                numbers[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(8 + length + offsets[0] + 4 * i));
            Assert.AreEqual(shape.Aggregate(1L, (product, size) => product * size), numbers.Length, entry.Name);
            _tensors.Add(entry.Name, (shape, numbers));
        }
    }

    /// <summary>What <c>__metadata__</c> names as the format; transformers and PEFT read files of "pt" only.</summary>
    public string? Format { get; }

    public IReadOnlyCollection<string> Names => _tensors.Keys;

    public long[] Shape(string name) => _tensors[name].Shape;

    public float[] Numbers(string name) => _tensors[name].Numbers;
}
