using System.Globalization;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML;

/// <summary>Settings of an <see cref="MLContext"/> for the models that it loads.</summary>
public static class PTuningContext
{
    /// <summary>Sets the folder where loaded models look for their encoder first.</summary>
    /// <remarks>It sets the context's option <c>PTuning.BackboneDirectory</c>, which is read when a model is loaded.</remarks>
    /// <param name="path">The encoder's folder, or its parent folder.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <example>
    /// <code>
    /// var mlContext = new MLContext();
    /// mlContext.SetPTuningBackboneDirectory("models/bert-base-cased");
    /// ITransformer model = mlContext.Model.Load("tickets.zip", out _);
    /// </code>
    /// </example>
    public static void SetPTuningBackboneDirectory(this MLContext mlContext, string path)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentException.ThrowIfNullOrEmpty(path);
        mlContext.SetOption(HostEnvironment.DirectoryOption, path);
    }

    /// <summary>Sets the number type in which the encoders of loaded models are stored and computed; without it, F32.</summary>
    /// <remarks>
    /// It sets the context's option <c>PTuning.Precision</c>, which is read when a model is loaded. Training uses
    /// <see cref="TrainingOptions.Precision"/>.
    /// </remarks>
    /// <param name="precision">The number type; the 16-bit types are meant for GPUs.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such precision.</exception>
    /// <example>
    /// <code>
    /// var mlContext = new MLContext { GpuDeviceId = 0 };
    /// mlContext.SetPTuningPrecision(BackbonePrecision.BFloat16);
    /// ITransformer model = mlContext.Model.Load("tickets.zip", out _);
    /// </code>
    /// </example>
    public static void SetPTuningPrecision(this MLContext mlContext, BackbonePrecision precision)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        OptionRange.Defined(precision);
        mlContext.SetOption(HostEnvironment.PrecisionOption, precision.ToString());
    }

    /// <summary>Limits the CPU cores that all models and predictors of this context use together for scoring.</summary>
    /// <remarks>
    /// It sets the context's option <c>PTuning.ScoringCores</c>, which is read when a model is loaded or its trainer is created. It does not limit
    /// training, where <see cref="AdvancedTrainingOptions.Shards"/> sets how many cores a step uses.
    /// </remarks>
    /// <param name="cores">1 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is less than 1.</exception>
    /// <example>
    /// <code>
    /// var mlContext = new MLContext();
    /// mlContext.SetPTuningScoringCores(2);
    /// ITransformer model = mlContext.Model.Load("tickets.zip", out _);
    /// </code>
    /// </example>
    public static void SetPTuningScoringCores(this MLContext mlContext, int cores)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        OptionRange.AtLeast(cores, 1);
        mlContext.SetOption(HostEnvironment.ScoringCoresOption, cores.ToString(CultureInfo.InvariantCulture));
    }
}
