using System.Diagnostics;
using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>The published recipe in Python and PyTorch, <c>official/ptuning_v2.py</c>, over a model's encoder and some rows. Each run is a process.</summary>
/// <remarks>It begins with the model's prefix and head. Each run's first forward pass is compared with this library's.</remarks>
internal sealed class PythonRecipe : IDisposable
{
    /// <summary>Names the Python to use; without it the first of <see cref="UsualPythons"/> that has torch.</summary>
    private const string PythonVariable = "PTUNING_PYTHON";

    /// <summary>Both compute in F32, in another order: a hundred roundings of states of size 1 to 10.</summary>
    private const double Tolerance = 1e-4;

    private const string ReferenceProducts = "libblas.so"; // Debian's torch multiplies by what this name stands for.

    private static readonly string[] UsualPythons = ["python3", "/usr/bin/python3"];
    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "official", "ptuning_v2.py");
    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web);
    private static readonly Lazy<(string Python, About About)?> Found = new(Find);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ptuning-benchmarks-");
    private readonly UntrainedModel _model;
    private readonly EncodedRow[] _first;
    private readonly string[] _arguments;
    private readonly int _threads;
    private readonly FirstPass _expected;

    /// <param name="model">Its task has the checkpoint's pooler, as the published code has.</param>
    /// <param name="rows">Labelled rows of one sequence.</param>
    /// <param name="batchSize">Rows of a batch.</param>
    public PythonRecipe(UntrainedModel model, IReadOnlyList<Example> rows, int batchSize, int threads)
    {
        (_model, _threads) = (model, threads);
        ExamplePart[] parts = [.. rows.Select(row => row.SinglePart())];
        _first = [.. parts.Take(batchSize).Select(part => part.Sequences[0])];
        _expected = FirstPassHere([.. parts.Take(batchSize)]);

        var (tokens, start) = (Path.Combine(_folder.FullName, "rows.json"), Path.Combine(_folder.FullName, "start.safetensors"));
        File.WriteAllText(tokens, JsonSerializer.Serialize(
            new { ids = parts.Select(part => part.Sequences[0].Ids), labels = parts.Select(part => (int)part.Target[0]), padId = model.PadId }));
        using (var file = File.Create(start))
            SafetensorsWriter.Write(file, [.. model.Tensors.Select(tensor => (tensor.Key, tensor.Value))]);
        _arguments =
        [
            "--encoder", model.Folder, "--rows", tokens, "--start", start, "--length", $"{model.Task.MaxLength}", "--batch", $"{batchSize}",
            "--threads", $"{threads}",
        ];
    }

    /// <summary>Why it cannot run here; null where it can.</summary>
    public static string? Obstacle => Found.Value switch
    {
        null => $"it takes python3 with torch (Debian: python3-torch and libopenblas0-pthread), found in none of {string.Join(", ", Pythons)}; "
            + $"{PythonVariable} names another Python",
        (var python, { Products: var products }) when products.StartsWith(ReferenceProducts, StringComparison.Ordinal) =>
            $"torch of {python} multiplies by the reference BLAS ({products}), tens of times slower than those that people use; "
            + "install one (Debian: libopenblas0-pthread)",
        _ => null,
    };

    /// <summary>Which torch it runs on, and what multiplies its matrices.</summary>
    public static string Description => $"torch {Found.Value!.Value.About.Torch} over {Found.Value.Value.About.Products}";

    /// <summary>An epoch of steps.</summary>
    public PythonRun Train() => Run("train");

    /// <summary>Scores all rows.</summary>
    public PythonRun Score() => Run("score");

    public void Dispose() => _folder.Delete(recursive: true);

    private static string[] Pythons => Environment.GetEnvironmentVariable(PythonVariable) is { Length: > 0 } named ? [named] : UsualPythons;

    private static (string, About)? Find()
    {
        foreach (var python in Pythons)
        {
            try
            {
                return (python, JsonSerializer.Deserialize<About>(Output(python, threads: 1, "about"), JsonOptions)!);
            }
            catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
            {
                // There is none of this name, or it has no torch: the next one may.
            }
        }
        return null;
    }

    private static string Output(string python, int threads, params string[] arguments)
    {
        var start = new ProcessStartInfo(python, [Script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var library in new[] { "OMP", "OPENBLAS", "MKL" })
            start.Environment[$"{library}_NUM_THREADS"] = $"{threads}";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{python} {Script} ended with exit code {process.ExitCode}: {errors.Result}");
    }

    private PythonRun Run(string work)
    {
        var run = JsonSerializer.Deserialize<PythonRun>(Output(Found.Value!.Value.Python, _threads, [work, .. _arguments]), JsonOptions)!;
        RequireNear("loss", [run.Loss], [_expected.Loss]);
        RequireNear("logit", run.Logits, _expected.Logits);
        RequireNear("hidden state", run.States, _expected.States);
        return run;
    }

    /// <summary>What the script's first forward pass has to give: loss and logits of the first batch, states of its first row.</summary>
    private FirstPass FirstPassHere(ExamplePart[] parts)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var batch = EncodedRow.Collate(_first, _model.PadId, CPU, _model.Task.MaxLength);
        var encoder = _model.Network.Encoder;
        var logits = _model.Network.Forward(batch, _model.Tensors);
        var tuning = encoder.Method.Tune(_model.Backbone, _model.Tensors, batch.Rows, dropout: null);
        var states = _model.Backbone.Forward(batch, tuning, encoder.ReservedPositions)[0].narrow(0, 0, _first[0].Length);
        var loss = _model.Task.Loss(logits, parts).DividedBy(parts.Length).item<float>();
        return new(loss, logits.data<float>().ToArray(), states.contiguous().data<float>().ToArray());
    }

    private static void RequireNear(string what, float[] found, float[] expected)
    {
        var largest = found.Length == expected.Length ? found.Zip(expected, (x, y) => Math.Abs((double)x - y)).Max() : double.PositiveInfinity;
        if (!(largest <= Tolerance))
            throw new InvalidOperationException($"Expected each {what} of {Script} within {Tolerance} of this library's, found a difference of {largest}.");
    }

    private sealed record About(string Torch, string Products);

    private sealed record FirstPass(float Loss, float[] Logits, float[] States);
}

/// <summary>What the script prints.</summary>
/// <param name="PeakBytes">The most memory that its process had at once.</param>
internal sealed record PythonRun(double RowsPerSecond, double PeakBytes, float Loss, float[] Logits, float[] States);
