using System.Diagnostics;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>Downloads encoders from the Hugging Face hub into its cache: the files that are needed, and of those what is not there.</summary>
/// <remarks>Safe for any number of threads and processes.</remarks>
internal sealed class HubDownload(HubCache cache, HubSettings settings, DownloadObserver observer)
{
    /// <summary>The most names that a message lists.</summary>
    private const int MostNames = 20;

    private readonly HubRetries _retries = new(settings, observer);

    /// <returns>The folder of the revision's files, whose last part is the commit.</returns>
    /// <exception cref="DirectoryNotFoundException">Nothing may be downloaded, and the encoder is not in the cache.</exception>
    /// <exception cref="HttpRequestException">The hub cannot be reached, or refuses.</exception>
    /// <exception cref="InvalidDataException">The repository holds no encoder that can be read, or other bytes came than announced.</exception>
    /// <exception cref="NotSupportedException">Its tokenizer is not supported.</exception>
    /// <exception cref="IOException">The cache cannot be written.</exception>
    public async Task<string> RunAsync(HubName hub)
    {
        var folder = cache.Of(hub);
        var revision = hub.RevisionOrDefault;
        if (HubName.IsCommit(revision) && IsComplete(folder, revision))
            return folder.Snapshot(revision);

        var cached = cache.SnapshotOf(hub);
        if (settings.IsOffline)
            return CanBeLoaded(cached) ? cached : throw new DirectoryNotFoundException(
                $"The backbone '{hub.Address}' is not in the Hugging Face cache, and {HubSettings.OfflineVariable} forbids to download it. Looked for {cached}"
                + $"{cache.Note(hub)}. Unset {HubSettings.OfflineVariable}, or copy the encoder into the cache.");

        using var client = new HubClient(settings, observer.CancellationToken);
        HubRepository repository;
        try
        {
            // Where nobody answers at first, this machine is mostly not connected: waiting would not help.
            repository = await _retries.RunAsync(() => client.FindAsync(hub), whereUnreachable: false).ConfigureAwait(false);
        }
        catch (HttpRequestException e) when (e.InnerException is TransientHubException && CanBeLoaded(cached))
        {
            observer.Log($"{e.Message} The revision in the cache is used: {Path.GetFileName(cached)}.");
            return cached;
        }

        try
        {
            await DownloadAsync(repository, folder, client).ConfigureAwait(false);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"The Hugging Face cache cannot be written: {e.Message} Let {HubSettings.CacheVariable} name a folder that can be.", e);
        }
        return folder.Snapshot(repository.Commit);
    }

    private async Task DownloadAsync(HubRepository repository, HubFolder folder, HubClient client)
    {
        var (commit, snapshot) = (repository.Commit, folder.Snapshot(repository.Commit));
        var absent = new HashSet<string>();
        RequireEncoder(repository);
        var meter = new DownloadMeter(repository, observer);
        var modelType = "";
        foreach (var name in EncoderFiles.Of(snapshot, Has))
        {
            if (name == EncoderFiles.FormatOf(Has)!.FileName && !folder.Has(commit, name))
                TextTokenizer.Load(snapshot, modelType); // Nobody waits for weights that cannot be used.
            await PlaceAsync(name).ConfigureAwait(false);
            if (name != BackboneConfiguration.FileName)
                continue;

            modelType = BackboneConfiguration.Read(snapshot).ModelType;
            foreach (var known in EncoderFiles.KnownFirst(Has))
                await MeasureAsync(known).ConfigureAwait(false);
        }

        foreach (var name in absent)
            folder.SetAbsent(commit, name);
        folder.SetCommit(repository.Hub.RevisionOrDefault, commit);
        meter.End(snapshot);

        bool Has(string name)
        {
            if (repository.Files.Contains(name))
                return true;
            absent.Add(name);
            return false;
        }

        async Task<HubFile?> MeasureAsync(string name)
        {
            if (folder.Has(commit, name))
                return null;
            if (meter.Find(name) is { } known)
                return known;
            if (!repository.Files.Contains(name))
                throw new InvalidDataException(
                    $"The model '{repository.Hub}' names the file {name}, which it does not hold. It holds: {Names(repository)}. Choose another revision.");
            var file = await _retries.RunAsync(() => client.FindAsync(repository, name)).ConfigureAwait(false);
            meter.Add(file, isThere: folder.HasBlob(file.Etag, file.Size));
            return file;
        }

        async Task PlaceAsync(string name)
        {
            if (await MeasureAsync(name).ConfigureAwait(false) is { } file)
                await new BlobDownload(folder, file, client, settings, observer, bytes => meter.Report(file, bytes)).RunAsync().ConfigureAwait(false);
        }
    }

    private static void RequireEncoder(HubRepository repository)
    {
        if (!repository.Files.Contains(BackboneConfiguration.FileName))
            throw new InvalidDataException(
                $"The model '{repository.Hub}' holds no encoder in Hugging Face layout: there is no {BackboneConfiguration.FileName}. "
                + $"It holds: {Names(repository)}. Choose another model.");
        if (EncoderFiles.FormatOf(repository.Files.Contains) is null)
            throw new InvalidDataException(
                $"The model '{repository.Hub}' holds no weights that can be read: expected "
                + $"{string.Join(" or ", CheckpointFormats.All.Select(format => format.FileName))}. It holds: {Names(repository)}. "
                + "Choose another model or revision.");
    }

    /// <summary>Whether the cache holds all files of a commit that an encoder is read from, and knows that it lacks the others.</summary>
    private static bool IsComplete(HubFolder folder, string commit)
    {
        if (!folder.Has(commit, BackboneConfiguration.FileName))
            return false;

        var isKnown = true;
        var all = EncoderFiles.Of(folder.Snapshot(commit), Has).All(name => folder.Has(commit, name));
        return all && isKnown && EncoderFiles.FormatOf(Has) is not null;

        bool Has(string name)
        {
            if (folder.Has(commit, name))
                return true;
            isKnown &= folder.Lacks(commit, name);
            return false;
        }
    }

    /// <summary>Whether a folder holds configuration and weights: other programs download less, and say nothing of what there is not.</summary>
    private static bool CanBeLoaded(string snapshot)
    {
        try
        {
            return File.Exists(Path.Combine(snapshot, BackboneConfiguration.FileName))
                && CheckpointFiles.TryFind(snapshot)?.Names.All(name => File.Exists(Path.Combine(snapshot, name))) == true;
        }
        catch (InvalidDataException)
        {
            return false; // A damaged index.
        }
    }

    private static string Names(HubRepository repository) =>
        string.Join(", ", repository.Files.Order(StringComparer.Ordinal).Take(MostNames)) + (repository.Files.Count > MostNames ? ", ..." : "");
}

/// <summary>Counts the bytes of a download, and tells of them.</summary>
internal sealed class DownloadMeter(HubRepository repository, DownloadObserver observer)
{
    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10), ReportInterval = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<string, HubFile> _files = [];
    private readonly Dictionary<string, long> _bytes = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _nextLog = LogInterval, _nextReport;

    /// <summary>A file that was added before; null if it was not.</summary>
    public HubFile? Find(string name) => _files.GetValueOrDefault(name);

    /// <param name="isThere">Whether its bytes are on this machine, so that it is not counted.</param>
    public void Add(HubFile file, bool isThere)
    {
        _files.Add(file.Name, file);
        if (!isThere)
            _bytes.Add(file.Name, 0);
    }

    public void Report(HubFile file, long bytes)
    {
        if (!_bytes.ContainsKey(file.Name))
            return;
        if (_bytes[file.Name] == 0 && bytes < file.Size)
            observer.Log($"Downloading {file.Name} of '{repository.Hub}' at {repository.Commit}: {MegaBytes(bytes)} of {MegaBytes(file.Size)} are there.");
        _bytes[file.Name] = bytes;

        var (now, isWhole) = (_clock.Elapsed, bytes == file.Size);
        if (now >= _nextLog && !isWhole)
        {
            observer.Log($"Downloading {file.Name}: {MegaBytes(bytes)} of {MegaBytes(file.Size)}.");
            _nextLog = now + LogInterval;
        }
        if (observer.Progress is null || (now < _nextReport && !isWhole))
            return;

        _nextReport = now + ReportInterval;
        observer.Progress.Report(new()
        {
            File = file.Name,
            FileBytes = bytes,
            FileTotalBytes = file.Size,
            Bytes = _bytes.Values.Sum(),
            TotalBytes = _bytes.Keys.Sum(name => _files[name].Size),
        });
    }

    /// <param name="folder">Where the files are.</param>
    public void End(string folder)
    {
        if (_bytes.Count > 0)
            observer.Log($"Downloaded '{repository.Hub}': {_bytes.Count} files, {MegaBytes(_bytes.Values.Sum())}, in {folder}.");
    }

    private static string MegaBytes(long bytes) => FormattableString.Invariant($"{bytes / 1e6:0.0} MB");
}
