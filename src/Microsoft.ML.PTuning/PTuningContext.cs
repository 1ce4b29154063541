using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML;

/// <summary>What an <see cref="MLContext"/> says of the models that it loads.</summary>
public static class PTuningContext
{
    /// <summary>Names the folder in which loaded models look for their encoder first: the encoder's own, or the one above it.</summary>
    /// <remarks>It sets the context's option <c>PTuning.BackboneDirectory</c>.</remarks>
    public static void SetPTuningBackboneDirectory(this MLContext mlContext, string path)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentException.ThrowIfNullOrEmpty(path);
        mlContext.SetOption(HostEnvironment.DirectoryOption, path);
    }

    /// <summary>Sets the type of number in which the encoders of loaded models are held and computed; F32 where it is not set.</summary>
    /// <remarks>It sets the context's option <c>PTuning.Precision</c>. For training it is <see cref="TrainingOptions.Precision"/>.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">There is no such precision.</exception>
    public static void SetPTuningPrecision(this MLContext mlContext, BackbonePrecision precision)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        OptionRange.Defined(precision);
        mlContext.SetOption(HostEnvironment.PrecisionOption, precision.ToString());
    }
}
