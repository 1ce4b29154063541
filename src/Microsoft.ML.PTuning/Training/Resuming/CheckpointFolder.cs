using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.PTuning.Formats;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training.Resuming;

/// <summary>The checkpoints of one training, a file each. One process at a time.</summary>
internal sealed class CheckpointFolder : IDisposable
{
    private const string Prefix = "step-", Ending = ".safetensors", Draft = ".tmp", Lock = "in-use";

    private readonly string _folder;
    private readonly CheckpointSettings _settings;
    private readonly TrainingIdentity _identity;
    private readonly Action<string> _log;
    private readonly FileStream _lock;
    private readonly List<string> _passedOver = [];
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private int _lastStep;
    private int _epochs;

    /// <param name="stage">The name of the training among those of the <c>Fit</c>.</param>
    /// <exception cref="IOException">The folder cannot be written, or another process trains in it.</exception>
    public CheckpointFolder(CheckpointSettings settings, string stage, TrainingIdentity identity, Action<string> log)
    {
        (_settings, _identity, _log) = (settings, identity, log);
        _folder = Path.Combine(settings.Folder, Uri.EscapeDataString(stage));
        try
        {
            Directory.CreateDirectory(_folder);
            RegularFile.Require(Path.Combine(_folder, Lock));
            _lock = new FileStream(Path.Combine(_folder, Lock), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            foreach (var draft in Directory.EnumerateFiles(_folder, $"{Prefix}*{Draft}"))
                File.Delete(draft);                                     // Of a process that was killed while it wrote.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _lock?.Dispose();
            throw new IOException(
                $"CheckpointDirectory: '{_folder}' cannot be used: {e.Message} Another training may be running in it; end that one, or name another folder.",
                e);
        }
    }

    /// <summary>Seed and shards of a training that was stopped, for one that leaves them open.</summary>
    /// <param name="folder">Of the <c>Fit</c>.</param>
    /// <returns>Null where there is none that can be read.</returns>
    public static (int Seed, int Shards)? Peek(string folder)
    {
        if (!Directory.Exists(folder))
            return null;
        foreach (var path in Directory.EnumerateDirectories(folder).SelectMany(NewestFirst))
        {
            try
            {
                var (identity, seed) = TrainingState.ReadIdentity(path);
                return (seed, int.Parse(identity.Parts[nameof(TrainingSettings.Shards)], CultureInfo.InvariantCulture));
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                // The one before it is taken instead. Another process may just have deleted it.
            }
        }
        return null;
    }

    /// <summary>Reads the newest checkpoint. Its tensors belong to the caller's dispose scope.</summary>
    /// <returns>Null where there is none; a damaged one is passed over.</returns>
    /// <exception cref="InvalidOperationException">It is of another training.</exception>
    public TrainingState? Read(Device device)
    {
        foreach (var path in NewestFirst(_folder))
        {
            TrainingState state;
            try
            {
                if (TrainingState.ReadIdentity(path).Identity.Differences(_identity) is { Count: > 0 } differences)
                    throw Other(differences);
                state = TrainingState.Read(path, device);
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                _log($"The checkpoint is passed over: {e.Message}");
                _passedOver.Add(path);
                continue;
            }

            (_lastStep, _epochs) = (state.Clock.Steps, 0);
            return state;
        }
        return null;
    }

    /// <summary>Whether a checkpoint is due after a step.</summary>
    /// <param name="step">Steps done.</param>
    public bool IsDueAfterStep(int step) =>
        (_settings.Steps > 0 && step - _lastStep >= _settings.Steps) || (_settings.Minutes > 0 && _sinceLast.Elapsed.TotalMinutes >= _settings.Minutes);

    /// <summary>Whether a checkpoint is due after an epoch; counts the epoch.</summary>
    /// <inheritdoc cref="IsDueAfterStep"/>
    public bool IsDueAfterEpoch(int step) => (++_epochs >= _settings.Epochs && _settings.Epochs > 0) || IsDueAfterStep(step);

    /// <summary>Writes a checkpoint, whole or not at all, and deletes those that are no longer kept.</summary>
    /// <remarks>If the disk refuses, training goes on without it, and the log says so.</remarks>
    public void Save(TrainingState state)
    {
        var path = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{state.Clock.Steps:D10}{Ending}"));
        try
        {
            WholeFile.Write(path, state.Write);
            foreach (var damaged in _passedOver.Where(damaged => damaged != path)) // Their names may rank above those of the steps to come.
                File.Delete(damaged);
            _passedOver.Clear();
            foreach (var old in NewestFirst(_folder).Skip(state.IsFinished ? 1 : _settings.Kept))
                File.Delete(old);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log($"No checkpoint could be written after step {state.Clock.Steps}; training goes on: {e.Message}");
        }
        (_lastStep, _epochs) = (state.Clock.Steps, 0);
        _sinceLast.Restart();
    }

    public void Dispose() => _lock.Dispose();

    private static IEnumerable<string> NewestFirst(string folder) =>
        Directory.EnumerateFiles(folder, $"{Prefix}*{Ending}").OrderByDescending(path => path, StringComparer.Ordinal).ToList();

    private InvalidOperationException Other(IReadOnlyList<string> differences) => new(
        $"The checkpoints in '{_folder}' are of another training: {string.Join("; ", differences)}. To go on with that one, train with the "
        + "same options, rows and encoder. To train anew, name another CheckpointDirectory, or delete the folder.");
}
