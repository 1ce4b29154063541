using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Persistence;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(PTuningV2Transformer), null, typeof(SignatureLoadModel), PTuningV2Transformer.UserName, PTuningV2Transformer.LoaderSignature)]

namespace Microsoft.ML.PTuning;

/// <summary>A model that adds its task's score columns to data: trained by <see cref="PTuningV2Trainer"/>, loaded, or imported.</summary>
/// <remarks>
/// In a pipeline it is one of the steps: <c>((IEnumerable&lt;ITransformer&gt;)pipelineModel).OfType&lt;PTuningV2Transformer&gt;().Single()</c>.
/// It is lazy: nothing is computed before a row's score is read. A cursor reads rows ahead and predicts them in batches of similar length.
/// Any number of threads may use it at once. All models on the same encoder share one copy of it in memory, one per precision, and, where batches are
/// scored in BF16 or on AMD's processors, one of its layers' weights in the order that the processor's library reads them in;
/// <see cref="Dispose"/> gives the share back, and a cursor that is still open then throws <see cref="ObjectDisposedException"/>. For loaded models,
/// <see cref="PTuningContext.SetPTuningBackboneDirectory"/> sets where they look for their encoder first, and
/// <see cref="PTuningContext.SetPTuningPrecision"/> sets their precision: by default BF16 where the processor computes it natively, so that a loaded
/// model's probabilities differ by about 0.001 on average, and by up to 0.05, from those of the trained one, which computes in F32;
/// <see cref="BackbonePrecision.Float32"/> gives those of the trained one. <see cref="PTuningContext.SetPTuningScoringCores"/> limits the cores that the
/// models of a context use together. <see cref="ExplainPrediction"/> tells which words a prediction rests on, <see cref="ExplainPrefix"/> how much the
/// prefix does. <c>mlContext.Model.Save</c> writes its trained tensors and a reference to the encoder, never the encoder, unless the method changes
/// it (<see cref="FineTuning"/>). <see cref="ImportPeft"/>, <see cref="ImportOfficialCheckpoint"/> and <see cref="ImportAdapterHub"/> make one of a
/// model that Python trained.
/// </remarks>
/// <example>
/// A loaded pipeline needs no type of this library. Its <c>MapKeyToValue</c> after the trainer turns the keys of classes into text.
/// <code>
/// ITransformer model = mlContext.Model.Load("tickets.zip", out _);
/// using var engine = mlContext.Model.CreatePredictionEngine&lt;Ticket, Routing&gt;(model);
/// string queue = engine.Predict(new Ticket { Text = "I paid twice." }).Queue;
/// </code>
/// </example>
public sealed partial class PTuningV2Transformer : ITransformer, IDisposable
{
    internal const string UserName = "P-Tuning v2";
    internal const string LoaderSignature = "PTuningV2";

    private readonly PromptModel _model;
    private readonly IHostEnvironment _environment;

    /// <param name="environment">The context, which may cancel a <see cref="Transform"/> under way.</param>
    /// <param name="limit">The context's limit of cores; null for none.</param>
    internal PTuningV2Transformer(PromptModel model, IHostEnvironment environment, JobLimit? limit = null)
    {
        (_model, _environment) = (model, environment);
        _model.Limit = limit;
    }

    internal PromptModel Model => _model;

    /// <summary>How it was trained: losses and metrics of each epoch, rows, time, and what looks wrong; null if the model's file does not tell.</summary>
    public TrainingSummary? Summary => _model.Summary;

    /// <summary>
    /// The task, as saved models name it: <c>multiclass-classification</c>, <c>binary-classification</c>, <c>multi-label-classification</c>, <c>regression</c>,
    /// <c>named-entity-recognition</c>, <c>question-answering</c>, <c>multiple-choice</c> or <c>text-generation</c>.
    /// </summary>
    public string Task => _model.Task.KindName;

    /// <summary>How the encoder is adapted, as saved models name it: <c>p-tuning-v2</c>, <c>lora</c>, <c>linear-probe</c> and others.</summary>
    public string Method => _model.Method.KindName;

    /// <summary>Prefix vectors per layer; 0 for a method without a prefix.</summary>
    public int PrefixLength => _model.Method is DeepPrefix prefix ? prefix.PrefixLength : 0;

    /// <summary>
    /// The classes or tags, in the order of the scores and keys, as text in the invariant culture. Empty for tasks without classes, for true or false,
    /// and if the training label was a key without values.
    /// </summary>
    public IReadOnlyList<string> Classes => _model.Task.Classes?.Values ?? [];

    /// <summary>
    /// The words that <see cref="AutoPrompt"/> found, or those nearest to the vectors of another prompt in the input, as the vocabulary spells them; empty for a
    /// method without such a prompt.
    /// </summary>
    /// <remarks>Words nearest to trained vectors seldom mean anything (Khashabi et al. 2022).</remarks>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    public IReadOnlyList<string> PromptWords
    {
        get
        {
            string[] words = [];
            _model.Use(tensors => words = !tensors.Contains(TrainedTensors.Prompt) ? [] :
                [.. NearestWords.Of(_model.Network.Encoder.Backbone, tensors[TrainedTensors.Prompt]).Select(id => _model.Tokenizer.TokenOf(id) ?? $"token {id}")]);
            return words;
        }
    }

    /// <summary>The frozen encoder of the model.</summary>
    public BackboneDescription Backbone => _model.Description;

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A text column is missing or of another type.</exception>
    /// <example>
    /// <code>
    /// foreach (var column in model.GetOutputSchema(newTickets.Schema))
    ///     Console.WriteLine($"{column.Name}: {column.Type}");
    /// </code>
    /// </example>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new ScoringSchema(_model.Task, inputSchema).Output;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A text column is missing or of another type.</exception>
    /// <example>
    /// <code>
    /// IDataView scored = model.Transform(newTickets);
    /// foreach (float[] scores in scored.GetColumn&lt;float[]&gt;("Score"))
    ///     Console.WriteLine(string.Join(" ", scores)); // A probability per class.
    /// </code>
    /// </example>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new ScoredView(_model, input, _environment);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A text column is missing or of another type.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new ScoringRowMapper(_model, inputSchema);
    }

    /// <summary>Predicts many rows in batches of similar length, faster than a <c>PredictionEngine</c>.</summary>
    /// <remarks>
    /// Only this model predicts. Later steps of a pipeline, such as <c>MapKeyToValue</c>, are not applied, so a predicted class is a key. Scores may
    /// differ in the last digits with the rows that share a batch.
    /// </remarks>
    /// <typeparam name="TRow">The row's type, as for a <c>PredictionEngine</c>.</typeparam>
    /// <typeparam name="TPrediction">The prediction's type, as for a <c>PredictionEngine</c>.</typeparam>
    /// <returns>A prediction per row, in order.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column that the model reads is missing, or of another type.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <example>
    /// <code>
    /// Ticket[] tickets = [new() { Text = "I paid twice." }, new() { Text = "My parcel is late." }]; // Text: a property.
    /// foreach (var routing in model.Predict&lt;Ticket, RoutingScores&gt;(tickets))
    ///     Console.WriteLine(string.Join(" ", routing.Score)); // Score: a property, float[].
    /// </code>
    /// </example>
    public IReadOnlyList<TPrediction> Predict<TRow, TPrediction>(IEnumerable<TRow> rows)
        where TRow : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(rows);
        var data = new MLContext().Data;
        return [.. data.CreateEnumerable<TPrediction>(Transform(data.LoadFromEnumerable(rows)), reuseRowObject: false, ignoreMissingColumns: true)];
    }

    /// <summary>
    /// Writes prefix, head and the reference to the backbone as a zip, which programs without ML.NET and <see cref="LoadFrom(MLContext, Stream)"/> can
    /// read.
    /// </summary>
    /// <param name="stream">The stream; it need not be seekable and stays open.</param>
    /// <param name="halfPrecision">Whether to store the tensors as F16: half the size, rounded to 11 significant bits.</param>
    /// <remarks><c>mlContext.Model.Save</c> writes the same two entries, in F32, into ML.NET's own zip.</remarks>
    /// <exception cref="InvalidOperationException">A number is too large for half precision, or the tensors take 2 GB or more.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <example>
    /// <code>
    /// using var stream = new MemoryStream();
    /// model.SaveTo(stream);
    /// stream.Position = 0;
    /// using var loaded = PTuningV2Transformer.LoadFrom(mlContext, stream);
    /// </code>
    /// </example>
    public void SaveTo(Stream stream, bool halfPrecision = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        try
        {
            PromptArchive.WriteZip(_model, stream, halfPrecision ? SafetensorsStorage.F16 : SafetensorsStorage.F32);
        }
        catch (ArgumentException e) when (halfPrecision)
        {
            throw new InvalidOperationException($"The model does not fit half precision: {e.Message}", e);
        }
    }

    /// <summary>Writes the same zip to a file. If saving fails, an existing file stays as it was.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <inheritdoc cref="SaveTo(Stream, bool)"/>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <example>
    /// <code>
    /// model.SaveTo("queue.zip", halfPrecision: true);
    /// using var loaded = PTuningV2Transformer.LoadFrom(mlContext, "queue.zip");
    /// </code>
    /// </example>
    public void SaveTo(string path, bool halfPrecision = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        WholeFile.Write(path, stream => SaveTo(stream, halfPrecision));
    }

    /// <summary>Reads a file that <see cref="SaveTo(string, bool)"/> wrote, and finds the backbone again on this machine.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <inheritdoc cref="LoadFrom(MLContext, Stream)" path="/exception"/>
    /// <inheritdoc cref="SaveTo(string, bool)" path="/example"/>
    public static PTuningV2Transformer LoadFrom(MLContext mlContext, string path)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = RegularFile.Open(path);
        return LoadFrom(mlContext, stream, path);
    }

    /// <summary>Reads what <see cref="SaveTo(Stream, bool)"/> wrote, and finds the backbone again on this machine.</summary>
    /// <exception cref="FormatException">The file is not such a zip, or a later version of the library wrote it.</exception>
    /// <exception cref="InvalidDataException">The tensors are damaged, or do not fit task and backbone.</exception>
    /// <exception cref="DirectoryNotFoundException">The backbone is not on this machine; the message names every place searched.</exception>
    /// <exception cref="DllNotFoundException">The application has no native backend of TorchSharp that loads on this machine.</exception>
    /// <inheritdoc cref="SaveTo(Stream, bool)" path="/example"/>
    public static PTuningV2Transformer LoadFrom(MLContext mlContext, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(stream);
        return LoadFrom(mlContext, stream, "the stream");
    }

    /// <summary>Gives the share of the backbone back and frees prefix and head. May be called more than once.</summary>
    public void Dispose() => _model.Dispose();

    // *** Zip entries *** beside Model.key, which holds nothing but the version:
    // Prompt.json           task, method, reference to the backbone, training summary
    // Prompt.safetensors    prefix [P, L', 2, h, D], or backbone.* (BitFit, fine-tuning, LoRA), head.*, pooler.* where trained
    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        ArgumentNullException.ThrowIfNull(ctx);
        ctx.CheckAtModel();
        ctx.SetVersionInfo(GetVersionInfo());
        var (document, tensors) = PromptArchive.Write(_model, SafetensorsStorage.F32);
        FileSizeLimit.Respect();
        ctx.SaveBinaryStream(PromptArchive.DocumentEntry, writer => writer.Write(document));
        ctx.SaveBinaryStream(PromptArchive.TensorsEntry, writer => writer.Write(tensors));
    }

    // Called by ML.NET, which finds it by this name and signature.
    private static PTuningV2Transformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(GetVersionInfo());
        return Load(env, (ReadEntry(ctx, PromptArchive.DocumentEntry), ReadEntry(ctx, PromptArchive.TensorsEntry)), "the model");
    }

    private static VersionInfo GetVersionInfo() => new(
        modelSignature: "PTUNINV2",
        verWrittenCur: 0x00010001, // First version.
        verReadableCur: 0x00010001,
        verWeCanReadBack: 0x00010001,
        loaderSignature: LoaderSignature,
        loaderAssemblyName: typeof(PTuningV2Transformer).Assembly.FullName);

    // The native libraries take half of a first load. Meanwhile, this thread does what needs no tensor. Opening the zip loads a library, too, and would wait
    // for them, so it comes before.
    private static PTuningV2Transformer Load(IHostEnvironment environment, (MemoryStream Document, MemoryStream Tensors) entries, string source)
    {
        TorchNative.BeginLoading();
        var saved = PromptArchive.Read(entries, source);
        var location = BackboneLibrary.Find(saved.Document.Backbone, HostEnvironment.BackboneDirectoryOf(environment));
        var precision = HostEnvironment.PrecisionOf(environment);
        TorchNative.EnsureLoaded();

        var limit = JobLimit.Of(environment);
        using var channel = environment.Register(nameof(PTuningV2Transformer)).Start("Loading");
        var device = HostEnvironment.DeviceOf(environment, null, null, line => channel.Warning(MessageSensitivity.None, "{0}", line));
        return new PTuningV2Transformer(PromptArchive.Open(saved, location, device, precision), environment, limit);
    }

    private static PTuningV2Transformer LoadFrom(MLContext mlContext, Stream stream, string source) =>
        Load(mlContext, PromptArchive.ReadZip(stream, source), source);

    private static MemoryStream ReadEntry(ModelLoadContext ctx, string name)
    {
        MemoryStream? content = null;
        try
        {
            ctx.TryLoadBinaryStream(name, reader => content = PromptArchive.ReadUnpacked(reader.BaseStream, name));
        }
        catch (InvalidDataException e)
        {
            throw new FormatException($"The model's entry '{name}' cannot be read: {e.Message} Save it again with mlContext.Model.Save.", e);
        }
        return content ?? throw new FormatException($"The model has no entry '{name}': its zip is incomplete. Save it again with mlContext.Model.Save.");
    }
}
