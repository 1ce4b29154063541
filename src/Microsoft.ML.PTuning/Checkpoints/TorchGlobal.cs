namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>One of the names that a torch checkpoint's pickle may mention. It is only looked up here; no Python object is behind it.</summary>
/// <param name="StorageType">The element type of the storage class that it names; null where it names none.</param>
/// <param name="Call">
/// What calling it gives, from the arguments; null where it is not called. It throws a <see cref="FormatException"/> whose message is the reason.
/// </param>
internal sealed record TorchGlobal(string Module, string Name, string? StorageType, Func<object?[], object>? Call)
{
    /// <summary>More than any encoder's tensor has; a small file could otherwise ask for sizes without end.</summary>
    private const int MostDimensions = 16;

    private static readonly Dictionary<(string, string), TorchGlobal> Allowed = new TorchGlobal[]
    {
        new("collections", "OrderedDict", null, OrderedDictionary),
        new("torch._utils", "_rebuild_tensor_v2", null, Tensor),
        new("torch._utils", "_rebuild_parameter", null, Parameter),
        new("torch", "FloatStorage", "F32", null),
        new("torch", "HalfStorage", "F16", null),
        new("torch", "BFloat16Storage", "BF16", null),
        new("torch", "DoubleStorage", "F64", null),
        new("torch", "LongStorage", "I64", null),
        new("torch", "IntStorage", "I32", null),
        new("torch", "ShortStorage", "I16", null),
        new("torch", "CharStorage", "I8", null),
        new("torch", "ByteStorage", "U8", null),
        new("torch", "BoolStorage", "BOOL", null),
    }.ToDictionary(global => (global.Module, global.Name));

    /// <summary>What the training of a model leaves beside it: arguments, generators of random numbers, an optimiser's settings.</summary>
    private static readonly HashSet<(string Module, string Name)> Unread =
    [
        ("argparse", "Namespace"),
        ("collections", "defaultdict"),
        ("__builtin__", "dict"),
        ("__builtin__", "set"),
        ("_codecs", "encode"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("torch", "Size"),
        ("torch", "device"),
        ("torch", "float16"),
        ("torch", "float32"),
        ("torch", "bfloat16"),
    ];

    /// <returns>Null if the name is not allowed in a checkpoint.</returns>
    public static TorchGlobal? Find(string module, string name) => Allowed.GetValueOrDefault((module, name));

    /// <returns>The name of an object that is not read; null if it is not allowed beside a model.</returns>
    public static TorchGlobal? FindUnread(string module, string name) =>
        Unread.Contains((module, name)) ? new(module, name, null, _ => new UnreadObject($"{module}.{name}")) : null;

    // OrderedDict(): its items follow one by one.
    private static Dictionary<string, object?> OrderedDictionary(object?[] arguments) =>
        arguments.Length == 0 ? [] : throw new FormatException($"OrderedDict is called with {arguments.Length} arguments, expected none");

    // _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None)
    private static TorchTensor Tensor(object?[] arguments)
    {
        if (arguments is not ([TorchStorage, long, object?[], object?[], bool, _] or [TorchStorage, long, object?[], object?[], bool, _, null]))
        {
            throw new FormatException(
                "_rebuild_tensor_v2 is called with other arguments than storage, offset, size, stride, requires_grad and hooks");
        }

        var (storage, offset) = ((TorchStorage)arguments[0]!, (long)arguments[1]!);
        var (shape, strides) = (Sizes(arguments[2]), Sizes(arguments[3]));
        if (shape.Length != strides.Length || offset < 0)
            throw new FormatException($"a tensor has {shape.Length} sizes, {strides.Length} strides and the offset {offset}");

        var tensor = new TorchTensor(storage, offset, shape, strides);
        if (!Fits(tensor))
        {
            throw new FormatException(
                $"a tensor of size {TensorDeclaration.Format(shape)}, stride {TensorDeclaration.Format(strides)} and offset {offset} "
                + $"leaves its storage '{storage.Key}', which has {storage.Count} numbers, or repeats some of them");
        }

        return tensor;
    }

    // _rebuild_parameter(data, requires_grad, backward_hooks)
    private static TorchTensor Parameter(object?[] arguments) =>
        arguments is [TorchTensor data, bool, _]
            ? data
            : throw new FormatException("_rebuild_parameter is called with other arguments than a tensor, requires_grad and hooks");

    private static long[] Sizes(object? tuple) =>
        tuple is object?[] { Length: <= MostDimensions } sizes
            ? [.. sizes.Select(value => value is long size and >= 0 ? size : throw NoSize())]
            : throw new FormatException($"a tensor has more than {MostDimensions} dimensions");

    private static FormatException NoSize() => new("a tensor's size or stride is no whole number");

    private static bool Fits(TorchTensor tensor)
    {
        try
        {
            // Strides of 0 repeat numbers, so that a small file could ask for a tensor of any size. No encoder's weight does.
            var count = tensor.Shape.Contains(0) ? 0 : tensor.Shape.Aggregate(1L, (product, size) => checked(product * size));
            return count <= tensor.Storage.Count && checked(tensor.Offset + tensor.Extent) <= tensor.Storage.Count;
        }
        catch (OverflowException)
        {
            return false;
        }
    }
}

/// <summary>A Python object that is passed over: whatever it is given, nothing of it is kept.</summary>
/// <param name="Name">Its class or function.</param>
internal sealed record UnreadObject(string Name);
