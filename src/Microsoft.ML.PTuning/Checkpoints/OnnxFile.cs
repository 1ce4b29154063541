using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Checkpoints.Onnx;
using Microsoft.ML.PTuning.Formats;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Tensors of an ONNX file, under Hugging Face's names (<see cref="OnnxModel"/>). Nothing in it is run.</summary>
/// <remarks>
/// Tensors are views of the file's mapped pages (<see cref="NumberFile"/>) where they are aligned and in Hugging Face's order. Matrices that the
/// graph has transposed are copied: with a transposed view, products of a single row take up to two thirds longer, and round differently than in
/// other formats. One thread at a time.
/// </remarks>
internal sealed class OnnxFile : ICheckpoint
{
    private readonly OnnxModel _model;
    private readonly Dictionary<string, OnnxTensor> _tensors;
    private readonly Dictionary<string, NumberFile> _numbers = new(StringComparer.Ordinal);

    private OnnxFile(OnnxModel model) => (_model, _tensors) = (model, model.Tensors.ToDictionary(tensor => tensor.Name));

    public static IReadOnlyList<CheckpointFormat> Formats => [new("model.onnx", Open, OnnxModel.OtherFilesOf), new("onnx/model.onnx", Open, OnnxModel.OtherFilesOf)];

    public string Source => _model.Path;

    public IEnumerable<CheckpointEntry> Tensors => _tensors.Values.Select(tensor => new CheckpointEntry(tensor.Name, tensor.Type, tensor.Shape));

    public IEnumerable<FileLease> Leases => _numbers.Values.Select(file => file.Lease).OfType<FileLease>();

    /// <summary>Opens a file, and those beside it that hold its weights.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged or no ONNX file, or it packs its weights.</exception>
    public static OnnxFile Open(string path) => new(OnnxModel.Open(path));

    public Tensor Load(string name, ScalarType sixteenBits = ScalarType.Float32)
    {
        if (!_tensors.TryGetValue(name, out var tensor))
            throw new InvalidDataException($"'{Source}' holds no tensor '{name}'. It holds: {string.Join(", ", _tensors.Keys)}.");
        if (tensor.Weight.Quantization is not null)
            return Dequantize(tensor);

        var constant = tensor.Weight.Constant;
        if (new CheckpointEntry(name, constant.Type, constant.Shape).ElementType is not { } type)
            throw new InvalidDataException($"'{Source}': tensor '{name}' is {constant.Type}, a type that cannot be read; export it as F32.");

        using var flat = Numbers(constant, type);
        using var stored = flat.view(constant.Shape);
        using var ordered = tensor.Weight.IsTransposed ? stored.t() : stored.alias();
        return ordered.contiguous().As(sixteenBits);
    }

    public void Dispose()
    {
        foreach (var file in _numbers.Values)
            file.Dispose();
        _numbers.Clear();
        _model.Dispose();
    }

    private Tensor Dequantize(OnnxTensor tensor)
    {
        if (tensor.Weight.Constant.Count > Array.MaxLength / sizeof(float))
            throw new InvalidDataException($"'{Source}': tensor '{tensor.Name}' is larger than 2 GiB once it is dequantised; export it as F32.");

        var numbers = empty(tensor.Shape, ScalarType.Float32);
        if (numbers.numel() > 0)
            _model.Read(tensor, MemoryMarshal.Cast<byte, float>(numbers.bytes));
        return numbers;
    }

    /// <returns>All numbers of a constant in the file's order, <c>[count]</c>.</returns>
    private Tensor Numbers(OnnxConstant constant, ScalarType type)
    {
        if (!constant.Bytes.AreFields)
            return FileOf(constant).Read(type, constant.Bytes.Offset, constant.Count);

        var numbers = empty([constant.Count], type);
        if (constant.Count > 0)
            _model.Bytes(constant).CopyTo(numbers.bytes);
        return numbers;
    }

    private NumberFile FileOf(OnnxConstant constant)
    {
        var path = _model.FileOf(constant);
        if (!_numbers.TryGetValue(path, out var file))
            _numbers.Add(path, file = new(RegularFile.Open(path), isMapped: true));
        return file;
    }
}
