using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training.Resuming;

/// <summary>A training between two steps: all that it takes to go on, besides what is computed again from options, rows and encoder.</summary>
/// <remarks>
/// The order of the rows is not part of it: the batches up to here are drawn again. A file is in the safetensors format: tensors, and a document under
/// <c>__metadata__</c>.
/// </remarks>
/// <param name="Identity">What the training consists of, to be compared with another's.</param>
/// <param name="SessionSeed">The seed of the <c>Fit</c>.</param>
/// <param name="IsFinished">Whether no step is left to make.</param>
/// <param name="Guard">Null where nothing watches the training.</param>
/// <param name="GuardTensors">The parameters that a rescue goes back to.</param>
/// <param name="Steps">Steps that counted, for each task.</param>
/// <param name="Epochs">The epochs that have ended, for each task.</param>
/// <param name="Best">The best epoch of each task; empty if none has ended.</param>
/// <param name="BestTensors">Their weights. The state does not own them.</param>
/// <param name="Results">Of the steps in the epoch under way.</param>
internal sealed record TrainingState(
    TrainingIdentity Identity, int SessionSeed, bool IsFinished, ClockState Clock, OptimizerState Optimizer,
    GuardState? Guard, IReadOnlyList<Tensor> GuardTensors, IReadOnlyList<int> Steps, IReadOnlyList<IReadOnlyList<EpochSummary>> Epochs,
    IReadOnlyList<EpochOutcome> Best, IReadOnlyList<TrainedTensors> BestTensors, IReadOnlyList<StepResult> Results)
{
    /// <summary>Raised when files of the version before could no longer be continued.</summary>
    private const int CurrentVersion = 1;

    private const string MetadataKey = "training", DigestKey = "digest", Outputs = "outputs";

    private static readonly JsonSerializerOptions Json = StateJson.Options();

    public void Write(Stream stream)
    {
        using var scope = NewDisposeScope();
        var document = new Document(
            CurrentVersion, Identity.Parts, SessionSeed, IsFinished, Clock, Optimizer.Steps, Optimizer.LossScale, Optimizer.Generators, Optimizer.Search,
            Optimizer.Tensors.Count, Guard, GuardTensors.Count, Steps, Epochs, Best,
            [.. Results.Select(step => new Step(step.Loss, [.. step.Outputs.Select(row => row.Length)]))]);
        var tensors = Optimizer.Tensors.Select((tensor, i) => (OptimizerTensor(i), tensor))
            .Concat(GuardTensors.Select((tensor, i) => (GuardTensor(i), tensor)))
            .Concat(BestTensors.SelectMany((task, i) => task.Select(pair => (BestTensor(i) + pair.Key, pair.Value))))
            .Append((Outputs, tensor(Results.SelectMany(step => step.Outputs).SelectMany(row => row).ToArray())))
            .ToArray();
        var text = JsonSerializer.Serialize(document, Json);
        SafetensorsWriter.Write(
            stream, tensors, metadata: new Dictionary<string, string> { [MetadataKey] = text, [DigestKey] = DigestOf(text, tensors) });
    }

    /// <summary>What a file tells of the training, without its tensors.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of another version.</exception>
    public static (TrainingIdentity Identity, int SessionSeed) ReadIdentity(string path)
    {
        using var file = SafetensorsFile.OpenToCopy(path);
        var document = ReadDocument(file);
        return (new TrainingIdentity(document.Identity), document.SessionSeed);
    }

    /// <summary>Reads a file. The tensors of optimiser and guard belong to the caller's dispose scope, those of the best epoch to the caller.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of another version.</exception>
    public static TrainingState Read(string path, Device device)
    {
        using var file = SafetensorsFile.OpenToCopy(path);
        var document = ReadDocument(file);
        var optimizer = new OptimizerState(
            [.. Enumerable.Range(0, document.Tensors).Select(i => file.Load(OptimizerTensor(i)))],
            document.OptimizerSteps, document.LossScale, document.Generators, document.Search);
        Tensor[] guard = [.. Enumerable.Range(0, document.GuardTensors).Select(i => file.Load(GuardTensor(i)))];
        var results = ReadResults(file, document.Results);
        TrainedTensors[] best = [.. document.Best.Select((_, task) => ReadBest(file, BestTensor(task), device))]; // Last: nothing fails after it.
        return new(
            new TrainingIdentity(document.Identity), document.SessionSeed, document.IsFinished, document.Clock, optimizer, document.Guard, guard,
            document.Steps, document.Epochs, document.Best, best, results);
    }

    private static TrainedTensors ReadBest(SafetensorsFile file, string prefix, Device device)
    {
        var best = new TrainedTensors();
        foreach (var name in file.Entries.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
            best.Add(name[prefix.Length..], file.Load(name).to(device));
        return best;
    }

    private static IReadOnlyList<StepResult> ReadResults(SafetensorsFile file, IReadOnlyList<Step> steps)
    {
        using var outputs = file.Load(Outputs);
        var numbers = outputs.data<float>().ToArray();
        var start = 0;
        return [.. steps.Select(step => new StepResult(step.Loss, [.. step.Lengths.Select(Next)]))];

        float[] Next(int length)
        {
            start += length;
            return numbers[(start - length)..start];
        }
    }

    private static Document ReadDocument(SafetensorsFile file)
    {
        try
        {
            var document = file.Metadata.TryGetValue(MetadataKey, out var text) ? JsonSerializer.Deserialize<Document>(text, Json) : null;
            if (document is not { Version: CurrentVersion })
                throw new InvalidDataException($"'{file.Source}' is of version {document?.Version.ToString() ?? "nothing"}, expected {CurrentVersion}.");
            RequireWhole(file, text!);
            return document;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{file.Source}' does not describe a training: {e.Message}", e);
        }
    }

    /// <summary>Refuses a file in which a number or a letter is another than it was. Training would go on with it, or fail somewhere.</summary>
    private static void RequireWhole(SafetensorsFile file, string text)
    {
        using var scope = NewDisposeScope();
        var expected = file.Metadata.GetValueOrDefault(DigestKey);
        if (DigestOf(text, file.Entries.Keys.Select(name => (name, file.Load(name)))) is var found && found != expected)
            throw new InvalidDataException($"'{file.Source}' has the digest {found}, expected {expected ?? "one"}: it was damaged, or changed.");
    }

    private static string DigestOf(string text, IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(text));
        foreach (var (name, tensor) in tensors.OrderBy(pair => pair.Name, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {TensorDeclaration.Format(tensor.shape)}"));
            using var numbers = tensor.detach().cpu().contiguous();
            if (numbers.numel() > 0)
                hash.AppendData(numbers.bytes);
        }
        return Convert.ToHexString(hash.GetHashAndReset()).ToLowerInvariant();
    }

    private static string OptimizerTensor(int index) => $"optimizer.{index}";

    private static string GuardTensor(int index) => $"guard.{index}";

    private static string BestTensor(int task) => $"best.{task}.";

    /// <param name="Lengths">Numbers of each row; the numbers themselves are in a tensor.</param>
    private sealed record Step(double Loss, IReadOnlyList<int> Lengths);

    private sealed record Document(
        int Version, SortedDictionary<string, string> Identity, int SessionSeed, bool IsFinished, ClockState Clock, IReadOnlyList<int> OptimizerSteps,
        double? LossScale, IReadOnlyList<byte[]> Generators, IReadOnlyList<int> Search, int Tensors, GuardState? Guard, int GuardTensors,
        IReadOnlyList<int> Steps, IReadOnlyList<IReadOnlyList<EpochSummary>> Epochs, IReadOnlyList<EpochOutcome> Best, IReadOnlyList<Step> Results);
}
