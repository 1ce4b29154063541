using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>Reads the folder when the application starts, when the system reports a change, and from time to time.</summary>
internal sealed partial class ModelFolderService(
    ModelFiles files, ModelStore store, IOptions<PTuningModelsOptions> options, TimeProvider time, ILogger<ModelFolderService> logger)
    : BackgroundService, IHostedLifecycleService
{
    private const int Share = 4; // While files change all the time, the folder is read in a fifth of the time.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(100);

    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Why the folder could not be read the last time; null if it could.</summary>
    public string? Problem { get; private set; }

    /// <summary>Reads the folder before anything of the host starts, and so before the first request.</summary>
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        Read();
        return Task.CompletedTask;
    }

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var watcher = Watch();
        var given = time.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            var start = time.GetTimestamp();
            var next = Read();
            if (time.GetElapsedTime(given) >= options.Value.PollInterval && store.TakeChange())
            {
                FreedMemory.GiveBack();
                given = time.GetTimestamp();
            }
            var gathering = Share * time.GetElapsedTime(start);
            await WaitAsync(next, gathering > Gathering ? gathering : Gathering, stoppingToken).ConfigureAwait(false);
        }
    }

    /// <param name="most">The time after which the wait ends.</param>
    /// <param name="gathering">How long it goes on after a change, because changes come in groups.</param>
    private async Task WaitAsync(TimeSpan most, TimeSpan gathering, CancellationToken stoppingToken)
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        wait.CancelAfter(most);
        try
        {
            await _changes.Reader.ReadAsync(wait.Token).ConfigureAwait(false);
            await Task.Delay(gathering, stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <returns>The time until the folder is read again.</returns>
    private TimeSpan Read()
    {
        try
        {
            var next = store.Update(files.List());
            Problem = null;
            return next < options.Value.PollInterval ? next.Value : options.Value.PollInterval;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (Problem is null)
                LogUnreadable(e);
            Problem = e.Message;
            return options.Value.PollInterval;
        }
    }

    private FileSystemWatcher? Watch()
    {
        try
        {
            var watcher = new FileSystemWatcher(files.Folder);
            watcher.Created += (_, _) => Report();
            watcher.Changed += (_, _) => Report();
            watcher.Deleted += (_, _) => Report();
            watcher.Renamed += (_, _) => Report();
            watcher.Error += (_, _) => Report();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException or PlatformNotSupportedException) // Systems limit the number of watches.
        {
            LogUnwatched(options.Value.PollInterval, e);
            return null;
        }
    }

    private void Report() => _changes.Writer.TryWrite(true);

    [LoggerMessage(1, LogLevel.Error, "The models' folder cannot be read; the models that are loaded go on serving.")]
    private partial void LogUnreadable(Exception exception);

    [LoggerMessage(2, LogLevel.Warning, "The models' folder cannot be watched; it is read every {Interval}.")]
    private partial void LogUnwatched(TimeSpan interval, Exception exception);
}
