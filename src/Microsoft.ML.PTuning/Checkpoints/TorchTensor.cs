namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Numbers of a torch checkpoint; one or more tensors are views of them.</summary>
/// <param name="Type">The element type as safetensors spells it.</param>
/// <param name="Key">The name of its entry below <c>data/</c>.</param>
/// <param name="Count">How many numbers there are.</param>
internal sealed record TorchStorage(string Type, string Key, long Count);

/// <summary>A view of a storage: element [i, j] is number <c>Offset + i * Strides[0] + j * Strides[1]</c>.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>How many numbers of the storage lie between the tensor's first and its last, both counted.</summary>
    /// <exception cref="OverflowException">A 64-bit number does not hold it.</exception>
    public long Extent => Shape.Contains(0) ? 0 : Shape.Zip(Strides).Aggregate(1L, (extent, d) => checked(extent + (d.First - 1) * d.Second));
}
