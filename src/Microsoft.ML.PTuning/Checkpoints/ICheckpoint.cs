using Microsoft.ML.PTuning.Formats;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Named tensors in files of any format. Loaded tensors outlive it.</summary>
internal interface ICheckpoint : IDisposable
{
    /// <summary>Its name in messages.</summary>
    string Source { get; }

    /// <summary>What it holds; each name once.</summary>
    IEnumerable<CheckpointEntry> Tensors { get; }

    /// <summary>What keeps the files of mapped tensors as they are. Share it for as long as a tensor lives that <see cref="Load"/> has returned.</summary>
    IEnumerable<FileLease> Leases { get; }

    /// <summary>A tensor on the CPU, a view of the mapped file where the format allows that.</summary>
    /// <param name="sixteenBits">The type that F16 and BF16 come as; other types come as they are.</param>
    /// <returns>A tensor that the caller owns, in the current dispose scope if there is one.</returns>
    /// <exception cref="InvalidDataException">There is no such tensor, or its type cannot be read.</exception>
    Tensor Load(string name, ScalarType sixteenBits = ScalarType.Float32);
}
