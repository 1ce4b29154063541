using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Named tensors in files, whatever their format. Disposing it ends reading; tensors that were loaded live on.</summary>
internal interface ICheckpoint : IDisposable
{
    /// <summary>What messages call it.</summary>
    string Source { get; }

    /// <summary>What it holds; each name once.</summary>
    IEnumerable<CheckpointEntry> Tensors { get; }

    /// <summary>A tensor on the CPU; F16 and BF16 come as F32, other types as they are.</summary>
    /// <returns>A tensor that the caller owns, in the current dispose scope if there is one.</returns>
    /// <exception cref="InvalidDataException">There is no such tensor, or it is of a type that cannot be given.</exception>
    Tensor Load(string name);
}
