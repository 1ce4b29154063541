using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>How a tensor's numbers are stored.</summary>
internal enum SafetensorsStorage
{
    /// <summary>Four bytes per number, exact.</summary>
    F32,

    /// <summary>Two bytes per number, rounded to 11 significant bits; up to 65504 in size.</summary>
    F16,

    /// <summary>Two bytes per number, rounded to 8 significant bits.</summary>
    BF16,
}

/// <summary>Writes tensors in the safetensors format.</summary>
/// <remarks>The tensors' bytes begin at a multiple of 8, so that any reader may map them.</remarks>
internal static class SafetensorsWriter
{
    /// <summary>Writes tensors in the order given; the same tensors give the same bytes.</summary>
    /// <param name="stream">It need not seek, and stays open.</param>
    /// <param name="tensors">Tensors of any floating-point type on any device, each name once.</param>
    /// <param name="metadata">Strings for <c>__metadata__</c>.</param>
    /// <exception cref="ArgumentException">A name stands twice, or is the format's own, or a tensor's numbers do not fit the storage.</exception>
    public static void Write(
        Stream stream,
        IReadOnlyList<(string Name, Tensor Tensor)> tensors,
        SafetensorsStorage storage = SafetensorsStorage.F32,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        stream.Write(SafetensorsPrologue.Write(tensors.Select(t => Plan(t.Name, t.Tensor, storage)), metadata));
        foreach (var (name, tensor) in tensors)
            WriteNumbers(stream, name, tensor, storage);
    }

    /// <summary>How many bytes <see cref="Write"/> writes.</summary>
    public static long SizeOf(IReadOnlyList<(string Name, Tensor Tensor)> tensors, SafetensorsStorage storage)
    {
        SafetensorsPlan[] plans = [.. tensors.Select(t => Plan(t.Name, t.Tensor, storage))];
        return SafetensorsPrologue.Write(plans).Length + plans.Sum(plan => plan.Bytes);
    }

    private static SafetensorsPlan Plan(string name, Tensor tensor, SafetensorsStorage storage) =>
        new(name, storage.ToString(), tensor.shape, tensor.numel() * TypeOf(storage).ElementSize());

    private static void WriteNumbers(Stream stream, string name, Tensor tensor, SafetensorsStorage storage)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();

        var numbers = tensor.detach().cpu().to(TypeOf(storage)).contiguous();
        if (storage == SafetensorsStorage.F16 && !numbers.isfinite().all().item<bool>())
            throw new ArgumentException($"Tensor '{name}' holds numbers beyond F16's ±65504; store it as F32.");
        if (numbers.numel() > 0)
            stream.Write(numbers.bytes);
    }

    private static ScalarType TypeOf(SafetensorsStorage storage) => storage switch
    {
        SafetensorsStorage.F16 => ScalarType.Float16,
        SafetensorsStorage.BF16 => ScalarType.BFloat16,
        _ => ScalarType.Float32,
    };
}
