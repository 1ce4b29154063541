using System.Globalization;
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

    /// <summary>Limits the CPU cores that all models and predictors of this context use together for scoring.</summary>
    /// <remarks>
    /// It sets the context's option <c>PTuning.ScoringCores</c>, which is read when a model is loaded or its trainer is made. It does not limit
    /// training: there <see cref="AdvancedTrainingOptions.Shards"/> says how many cores a step uses.
    /// </remarks>
    /// <param name="cores">1 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public static void SetPTuningScoringCores(this MLContext mlContext, int cores)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        OptionRange.AtLeast(cores, 1);
        mlContext.SetOption(HostEnvironment.ScoringCoresOption, cores.ToString(CultureInfo.InvariantCulture));
    }
}
