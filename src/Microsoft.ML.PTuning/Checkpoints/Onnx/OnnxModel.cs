using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>An ONNX file as a source of weights: nothing in it is run. Needs neither ML.NET nor TorchSharp.</summary>
/// <remarks>The file, and those beside it that hold weights, stay mapped into memory until this object is disposed. One thread at a time.</remarks>
internal sealed class OnnxModel : IDisposable
{
    private readonly MappedFile _file;
    private readonly Dictionary<string, MappedFile> _others = new(StringComparer.Ordinal);

    private OnnxModel(string path)
    {
        Path = path;
        _file = MappedFile.Open(path);
        try
        {
            var graph = Parse(_file);
            OpenOthers(graph);
            Tensors = OnnxTensors.Of(graph);
        }
        catch (FormatException e)
        {
            Dispose();
            throw Refuse(path, e.Message, e);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Path { get; }

    /// <summary>The weights with Hugging Face's names and order of rows and columns; each name once.</summary>
    public IReadOnlyList<OnnxTensor> Tensors { get; }

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged or no ONNX file, or it packs its weights.</exception>
    public static OnnxModel Open(string path) => new(path);

    /// <summary>The files beside a model's own that hold its weights, by their names from its folder. They need not be there.</summary>
    /// <inheritdoc cref="Open"/>
    public static IReadOnlyCollection<string> OtherFilesOf(string path)
    {
        using var file = MappedFile.Open(path);
        try
        {
            string[] names = [.. Parse(file).Constants.Select(constant => constant.Bytes.File).OfType<string>().Distinct()];
            foreach (var name in names)
                OnnxFolder.RequireBelow(name);
            return names;
        }
        catch (FormatException e)
        {
            throw Refuse(path, e.Message, e);
        }
    }

    /// <summary>Reads a tensor as F32, dequantised and in Hugging Face's order.</summary>
    /// <param name="numbers">As many as the tensor's shape has.</param>
    /// <exception cref="InvalidDataException">Its type has no fraction, or its numbers are not what the file announces.</exception>
    public void Read(OnnxTensor tensor, Span<float> numbers)
    {
        var weight = tensor.Weight;
        if (!weight.IsFloat || weight.Constant.ElementSize == 0)
            throw Refuse(Path, $"its tensor {weight.Constant} cannot be read as numbers with a fraction", null);
        ArgumentOutOfRangeException.ThrowIfNotEqual(numbers.Length, weight.Constant.Count);
        OnnxNumbers.Read(Bytes(weight.Constant), weight, weight.Quantization is { } quantization ? Scales(weight.Constant, quantization) : null, numbers);
    }

    /// <summary>A constant's numbers as they are in memory, neither dequantised nor transposed.</summary>
    /// <returns>Little endian; not to be used after disposing this object.</returns>
    /// <exception cref="InvalidDataException">They are not what the file announces.</exception>
    public ReadOnlySpan<byte> Bytes(OnnxConstant constant)
    {
        var (file, offset, length, areFields) = constant.Bytes;
        if (length is not <= int.MaxValue || constant.Count * constant.ElementSize > Array.MaxLength)
            throw Refuse(Path, $"its tensor {constant} is larger than 2 GiB", null);

        var bytes = (file is null ? _file : _others[file]).Bytes(offset, (int)length);
        try
        {
            return areFields ? OnnxNumbers.FromFields(bytes, constant) : bytes;
        }
        catch (FormatException e)
        {
            throw Refuse(Path, e.Message, e);
        }
    }

    /// <summary>The path of the file that a constant's numbers are in.</summary>
    public string FileOf(OnnxConstant constant) => constant.Bytes.File is { } name ? System.IO.Path.Combine(Folder, name) : Path;

    public void Dispose()
    {
        _file.Dispose();
        foreach (var file in _others.Values)
            file.Dispose();
    }

    private string Folder => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;

    private ChannelScales Scales(OnnxConstant constant, OnnxQuantization quantization)
    {
        var (scale, zeroPoint, axis) = quantization;
        var scales = new float[scale.Count];
        OnnxNumbers.Convert(Bytes(scale), scale.Type, scales);
        var zeroPoints = zeroPoint is null ? [0] : OnnxNumbers.Integers(Bytes(zeroPoint), zeroPoint.Type);
        return new(scales, zeroPoints, run: axis is { } channels ? constant.Shape[(channels + 1)..].Aggregate(1L, (run, size) => run * size) : long.MaxValue);
    }

    private static OnnxGraph Parse(MappedFile file) => file.Length <= int.MaxValue
        ? OnnxParser.Read(file.Bytes(0, (int)file.Length))
        : throw new FormatException($"it has {file.Length} bytes, more than the 2 GiB of the format; export it with its weights in files beside it");

    private void OpenOthers(OnnxGraph graph)
    {
        foreach (var constant in graph.Constants)
        {
            if (constant.Bytes is not { File: { } name } bytes)
                continue;
            if (!_others.TryGetValue(name, out var file))
                _others.Add(name, file = MappedFile.Open(OnnxFolder.Resolve(Path, name)));
            if (bytes.Offset > file.Length || bytes.Length > file.Length - bytes.Offset)
            {
                throw new FormatException($"its tensor {constant} lies at byte {bytes.Offset} of '{name}', {bytes.Length} bytes long, "
                    + $"but that file has {file.Length}; it is cut short or another model's");
            }
        }
    }

    private static InvalidDataException Refuse(string path, string reason, Exception? inner) =>
        new($"'{path}' cannot be read as ONNX: {reason}. Fetch or export the file again.", inner);
}
