using static TorchSharp.torch;

namespace Microsoft.ML.PTuning;

/// <summary>The type of number in which a frozen encoder is held and computed. What is trained is F32 in any case.</summary>
public enum BackbonePrecision
{
    /// <summary>32 bits, the type of nearly all checkpoints.</summary>
    Float32,

    /// <summary>16 bits with the range of F32 and 8 of its 24 significant bits: half the memory.</summary>
    BFloat16,

    /// <summary>16 bits, 11 of them significant, of a small range: for GPUs without <see cref="BFloat16"/>. Large encoders may exceed it.</summary>
    Float16,

    /// <summary>
    /// <see cref="BFloat16"/> on a processor that computes it natively (AVX512_BF16, AMX, Arm's BF16), as a measurement of some milliseconds tells; else
    /// <see cref="Float32"/>. Also <see cref="Float32"/> on a GPU, for models that write, and for methods that change the encoder's weights.
    /// </summary>
    Auto,
}

/// <summary>What a precision means to torch.</summary>
internal static class BackbonePrecisions
{
    public static ScalarType ElementType(this BackbonePrecision precision) => precision switch
    {
        BackbonePrecision.Float32 => ScalarType.Float32,
        BackbonePrecision.BFloat16 => ScalarType.BFloat16,
        BackbonePrecision.Float16 => ScalarType.Float16,
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, $"Expected one of {Names}."),
    };

    /// <summary>Hidden states in the type of what is trained: F32. F64 stays F64, in which tests compute what rounding cannot change.</summary>
    public static Tensor ToTrainedType(this Tensor hidden) => hidden.dtype == ScalarType.Float64 ? hidden : hidden.to(ScalarType.Float32);

    /// <summary>The precisions there are, for messages.</summary>
    public static string Names { get; } = string.Join(", ", Enum.GetNames<BackbonePrecision>());
}
