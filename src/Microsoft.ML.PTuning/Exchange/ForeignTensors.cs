using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>The tensors of another program's file. It knows which were read, so that nothing in a file is passed over. One thread at a time.</summary>
internal sealed class ForeignTensors(ICheckpoint file) : IDisposable
{
    /// <summary>How many tensors a message names.</summary>
    private const int MostNamed = 20;

    private readonly Dictionary<string, CheckpointEntry> _entries = file.Tensors.ToDictionary(entry => entry.Name);
    private readonly HashSet<string> _read = [];

    /// <summary>The file's name in messages.</summary>
    public string Source => file.Source;

    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Opens the first of some files that a folder has.</summary>
    /// <param name="names">Files of safetensors or torch, as their endings say.</param>
    /// <exception cref="FileNotFoundException">It has none of them.</exception>
    public static ForeignTensors Open(string folder, params string[] names) => TryOpen(folder, names) ?? throw new FileNotFoundException(
        $"'{folder}' holds no weights; expected {string.Join(" or ", names)}. Fetch all files of the adapter into one folder.", Path.Combine(folder, names[0]));

    /// <inheritdoc cref="Open"/>
    /// <returns>Null if it has none of them.</returns>
    public static ForeignTensors? TryOpen(string folder, params string[] names)
    {
        if (names.FirstOrDefault(name => File.Exists(Path.Combine(folder, name))) is not { } found)
            return null;
        var path = Path.Combine(folder, found);
        return new(found.EndsWith(".safetensors", StringComparison.Ordinal) ? SafetensorsFile.Open(path) : TorchFile.Open(path));
    }

    /// <summary>Opens the weights of a whole model.</summary>
    /// <exception cref="FileNotFoundException">The folder has none.</exception>
    public static ForeignTensors OpenCheckpoint(string folder) => new(CheckpointFiles.Find(folder).Open());

    public bool Has(string name) => _entries.ContainsKey(name);

    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public long[] ShapeOf(string name) => Find(name).Shape;

    /// <param name="shape">The sizes that are expected, -1 for any.</param>
    /// <returns>A copy in F32 on the CPU, in the current dispose scope.</returns>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has another shape, another type, or numbers that are none.</exception>
    public Tensor Read(string name, params long[] shape)
    {
        var entry = Find(name);
        if (entry.Type is not ("F32" or "F16" or "BF16"))
            throw new InvalidDataException($"'{Source}': tensor '{name}' is {entry}, expected F32, F16 or BF16. Save it as F32.");
        if (!FitsShape(entry.Shape, shape))
            throw new InvalidDataException(
                $"'{Source}': tensor '{name}' has the shape {TensorDeclaration.Format(entry.Shape)}, expected {Format(shape)} for this encoder. "
                + "Name the encoder that it was trained on, as Backbone of the options.");

        _read.Add(name);
        using var view = file.Load(name);
        var copy = view.clone();
        using var finite = copy.isfinite();
        using var all = finite.all();
        return all.item<bool>()
            ? copy
            : throw new InvalidDataException(
                $"'{Source}': tensor '{name}' has numbers that are infinite or none. The file is damaged, or its training failed.");
    }

    /// <summary>Reads weight and bias of a linear layer.</summary>
    /// <param name="outputs">-1 for any.</param>
    /// <returns><c>[outputs, inputs]</c> and <c>[outputs]</c>.</returns>
    public (Tensor Weight, Tensor Bias) ReadLinear(string module, long outputs, long inputs)
    {
        var weight = Read($"{module}.weight", outputs, inputs);
        return (weight, Read($"{module}.bias", weight.size(0)));
    }

    /// <param name="why">What it would mean to pass them over.</param>
    /// <exception cref="InvalidDataException">Some tensors were not read.</exception>
    public void RefuseUnread(string why)
    {
        CheckpointEntry[] unread = [.. _entries.Values.Where(entry => !_read.Contains(entry.Name))];
        if (unread.Length > 0)
            throw new InvalidDataException(
                $"'{Source}' holds tensors that cannot be imported: {string.Join(", ", unread.Take(MostNamed).Select(entry => $"{entry.Name} {entry}"))}"
                + $"{(unread.Length > MostNamed ? $" and {unread.Length - MostNamed} more" : "")}. {why}");
    }

    public void Dispose() => file.Dispose();

    private CheckpointEntry Find(string name) => _entries.TryGetValue(name, out var entry)
        ? entry
        : throw new InvalidDataException($"'{Source}' holds no tensor '{name}'. It holds: {string.Join(", ", _entries.Keys.Take(MostNamed))}.");

    private static bool FitsShape(long[] found, long[] expected) =>
        found.Length == expected.Length && found.Zip(expected).All(pair => pair.Second == -1 || pair.First == pair.Second);

    private static string Format(long[] shape) => $"[{string.Join(", ", shape.Select(size => size == -1 ? "any" : size.ToString()))}]";
}
