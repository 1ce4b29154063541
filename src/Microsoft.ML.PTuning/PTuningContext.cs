using System.Globalization;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Encoders.Hub;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Settings of an <see cref="MLContext"/> for the models that it loads, and the download of encoders.</summary>
public static class PTuningContext
{
    /// <summary>Sets the folder where loaded models look for their encoder first.</summary>
    /// <remarks>It sets the context's option <c>PTuning.BackboneDirectory</c>, which is read when a model is loaded.</remarks>
    /// <param name="path">The encoder's folder, or its parent folder.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <example>
    /// <code>
    /// var mlContext = new MLContext();
    /// mlContext.SetPTuningBackboneDirectory("encoders/bert-base-cased");
    /// ITransformer model = mlContext.Model.Load("tickets.zip", out _);
    /// </code>
    /// </example>
    public static void SetPTuningBackboneDirectory(this MLContext mlContext, string path)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentException.ThrowIfNullOrEmpty(path);
        mlContext.SetOption(HostEnvironment.DirectoryOption, path);
    }

    /// <summary>Sets the number type in which encoders of loaded models are stored and computed; without it, <see cref="BackbonePrecision.Auto"/>.</summary>
    /// <remarks>
    /// It sets the context's option <c>PTuning.Precision</c>, which is read when a model is loaded. For a whole application, set it in the project:
    /// <c>&lt;RuntimeHostConfigurationOption Include="PTuning.Precision" Value="Float32" /&gt;</c>. Training uses <see cref="TrainingOptions.Precision"/>.
    /// </remarks>
    /// <param name="precision">
    /// The number type. <see cref="BackbonePrecision.Float32"/> gives the same scores on every processor, but for F32's rounding; the 16-bit types are for
    /// GPUs, and for processors that compute them natively.
    /// </param>
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

    /// <summary>Downloads an encoder from the Hugging Face hub into its cache, so that it is there when it is needed.</summary>
    /// <remarks>
    /// <para>
    /// The same happens in <c>Fit</c> if <see cref="TrainingOptions.Backbone"/> is such an address. Models that are loaded never download: they find the
    /// encoder in the cache. Only the files that an encoder is read from are downloaded, and only those that are not in the cache. Each gets its name
    /// when its hash has been checked; a download that was broken off goes on where it was.
    /// </para>
    /// <para>
    /// The environment variables are those of Python's huggingface_hub: <c>HF_TOKEN</c>, <c>HF_ENDPOINT</c>, <c>HF_HUB_CACHE</c>, <c>HF_HOME</c>,
    /// <c>HF_HUB_OFFLINE</c>; proxies those of <see cref="HttpClient"/>, such as <c>HTTPS_PROXY</c>. The context's log tells what is downloaded. Safe for
    /// any number of threads and processes: one downloads a file, the others wait for it.
    /// </para>
    /// </remarks>
    /// <param name="backbone">
    /// <c>hf://organisation/name</c> or <c>hf://name</c>, with or without <c>@revision</c>: a commit, branch or tag; without one the branch main.
    /// </param>
    /// <param name="progress">Is told how far the download is, some times per second; on a thread of the pool unless it is a <see cref="Progress{T}"/>.</param>
    /// <param name="cancellationToken">Stops the download. What has arrived is kept.</param>
    /// <returns>The folder with the encoder's files. Its last part is the commit.</returns>
    /// <exception cref="ArgumentException"><paramref name="backbone"/> is no such address.</exception>
    /// <exception cref="HttpRequestException">The hub cannot be reached, or refuses: there is no such model, or it needs a token.</exception>
    /// <exception cref="DirectoryNotFoundException"><c>HF_HUB_OFFLINE</c> is set, and the encoder is not in the cache.</exception>
    /// <exception cref="InvalidDataException">The model is no encoder of a supported family, or other bytes came than the hub announced.</exception>
    /// <exception cref="NotSupportedException">Its tokenizer is not supported.</exception>
    /// <exception cref="IOException">The cache cannot be written.</exception>
    /// <exception cref="InvalidOperationException">An environment variable has no value of its kind.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <example>
    /// <code>
    /// var progress = new Progress&lt;BackboneDownloadProgress&gt;(p => Console.WriteLine($"{p.File}: {p.Bytes} of {p.TotalBytes} bytes"));
    /// string folder = await mlContext.DownloadPTuningBackboneAsync("hf://google-bert/bert-base-cased", progress);
    /// </code>
    /// </example>
    public static Task<string> DownloadPTuningBackboneAsync(
        this MLContext mlContext, string backbone, IProgress<BackboneDownloadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentException.ThrowIfNullOrEmpty(backbone);
        return DownloadAsync(mlContext, HubName.ParseAddress(backbone), progress, cancellationToken);
    }

    private static async Task<string> DownloadAsync(
        IHostEnvironment environment, HubName hub, IProgress<BackboneDownloadProgress>? progress, CancellationToken cancellationToken)
    {
        const string Name = "Download";
        var checkCancelled = HostEnvironment.CancellationOf(environment, Name);
        using var channel = environment.Start(Name);
        var observer = new DownloadObserver(Log, CheckCancelled, progress, cancellationToken);
        return await BackboneLibrary.DownloadAsync(hub, observer).ConfigureAwait(false);

        void Log(string line) => channel.Info(MessageSensitivity.None, "{0}", line);

        void CheckCancelled()
        {
            cancellationToken.ThrowIfCancellationRequested();
            checkCancelled();
        }
    }
}
