using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Encoders;

/// <summary>An encoder and its tokenizer, loaded from one folder.</summary>
internal sealed record LoadedBackbone(Backbone Backbone, TextTokenizer Tokenizer) : IDisposable
{
    /// <summary>A share of the encoder whose tensors this one uses; null where they are its own.</summary>
    public BackboneLease? Base { get; init; }

    public void Dispose()
    {
        Backbone.Dispose();
        Base?.Dispose();
    }
}

/// <summary>Shares encoders. Callers with the same files, device and precision get the same object; the last lease frees it.</summary>
/// <remarks>Safe for any number of threads. An encoder is loaded once; other callers wait for it.</remarks>
/// <param name="load">Loads encoder and tokenizer from a folder onto a device, in a precision.</param>
internal sealed class BackboneStore(Func<string, Device, BackbonePrecision, LoadedBackbone> load)
{
    private readonly Dictionary<(string Files, bool HasLanguageHead), Entry> _entries = [];

    /// <param name="directory">The encoder's folder.</param>
    /// <param name="withLanguageHead">Whether it has the head of its language model. Encoders with and without it share their tensors.</param>
    /// <returns>A share of the encoder, to dispose when it is no longer needed.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder. Exceptions of loading are thrown, too.</exception>
    public BackboneLease Acquire(
        string directory, Device device, BackbonePrecision precision = BackbonePrecision.Float32, bool withLanguageHead = false)
    {
        directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        var key = (KeyOf(directory, device, precision), withLanguageHead);
        Entry entry;
        lock (_entries)
        {
            if (!_entries.TryGetValue(key, out entry!))
                _entries.Add(key, entry = new(new(() => Load(directory, device, precision, withLanguageHead))));
            entry.Leases++;
        }

        try
        {
            return new(entry.Loaded.Value, directory, () => Release(key, entry));
        }
        catch
        {
            Release(key, entry);
            throw;
        }
    }

    private void Release((string, bool) key, Entry entry)
    {
        lock (_entries)
        {
            entry.Leases--;
            var failed = !entry.Loaded.IsValueCreated;
            if ((entry.Leases == 0 || failed) && _entries.GetValueOrDefault(key) == entry)
                _entries.Remove(key);
            if (entry.Leases > 0 || failed)
                return;
        }

        entry.Loaded.Value.Dispose();
    }

    private LoadedBackbone Load(string directory, Device device, BackbonePrecision precision, bool withLanguageHead)
    {
        if (!withLanguageHead)
            return Apart(() => load(directory, device, precision));

        var encoder = Acquire(directory, device, precision);
        try
        {
            return Apart(() => new LoadedBackbone(encoder.Backbone.WithLanguageHead(directory), encoder.Tokenizer) { Base = encoder });
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    // On a thread of its own: dispose scopes, gradient and inference mode belong to a thread, and those of the caller must not affect shared tensors.
    private static LoadedBackbone Apart(Func<LoadedBackbone> load) =>
        Task.Factory.StartNew(load, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).GetAwaiter().GetResult();

    // Device, precision, the folder with links followed, and the size and time of every file that a load may read.
    private static string KeyOf(string directory, Device device, BackbonePrecision precision)
    {
        var folder = new DirectoryInfo(directory);
        if (!folder.Exists)
            throw new DirectoryNotFoundException(
                $"The encoder's folder '{directory}' is not there; it was expected with {BackboneConfiguration.FileName} in it.");

        var target = folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? directory;
        string[] read =
        [
            BackboneConfiguration.FileName, SentenceModules.FileName, SentenceModules.UsualPoolingFile,
            .. CheckpointFiles.TryFind(target)?.Names ?? [], .. TokenizerFiles.Names,
        ];
        var files = from name in read
                    let path = Path.Combine(target, name)
                    where File.Exists(path)
                    select $"{name}={FileStamp.Of(path)}";
        return string.Join('\n', files.Prepend(Path.TrimEndingDirectorySeparator(target)).Prepend($"{device} {precision}"));
    }

    private sealed class Entry(Lazy<LoadedBackbone> loaded)
    {
        public Lazy<LoadedBackbone> Loaded { get; } = loaded;

        public int Leases { get; set; }
    }
}
