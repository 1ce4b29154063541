using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>Downloads a file into the cache. It gets its name there when it is complete, has its hash, and is on the disk.</summary>
/// <param name="arrived">Is told of the bytes of the file that are on this machine.</param>
internal sealed class BlobDownload(HubFolder folder, HubFile file, HubClient client, HubSettings settings, DownloadObserver observer, Action<long> arrived)
{
    private const int BufferBytes = 1 << 17;

    private const string Advice =
        "Free some space, or let " + HubSettings.CacheVariable + " name a folder on another disk. What has arrived is kept.";

    private const int HeldOnLinux = 11, HeldOnMacOs = 35, HeldOnWindows = unchecked((int)0x80070020); // EWOULDBLOCK, ERROR_SHARING_VIOLATION

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly string _incomplete = folder.Incomplete(file.Etag);
    private readonly string _blob = folder.Blob(file.Etag);

    /// <summary>Puts the file into its commit's folder, and downloads it unless its bytes are in the cache.</summary>
    /// <exception cref="InvalidDataException">Other bytes came than the hub announced.</exception>
    /// <exception cref="HttpRequestException">They did not come.</exception>
    /// <exception cref="IOException">They cannot be written.</exception>
    public async Task RunAsync()
    {
        FileSizeLimit.Respect();
        Directory.CreateDirectory(Path.GetDirectoryName(_blob)!);
        using var held = await LockAsync().ConfigureAwait(false);
        var commit = file.Repository.Commit;
        if (folder.Has(commit, file.Name))
        {
            arrived(file.Size);
            return;
        }

        var isNew = !folder.HasBlob(file.Etag, file.Size);
        if (isNew)
        {
            RequireSpace();
            await DownloadAsync().ConfigureAwait(false);
            File.Move(_incomplete, _blob, overwrite: true);
        }
        arrived(file.Size);
        folder.Place(commit, file.Name, file.Etag, isNew, settings.Link);
    }

    /// <summary>Waits until no other process, nor another thread of this one, downloads the same bytes.</summary>
    /// <remarks>.NET locks the file as Python's filelock does: with flock on Unix, by not sharing it on Windows.</remarks>
    private async Task<FileStream> LockAsync()
    {
        var path = folder.Lock(file.Etag);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        for (var waited = false; ; waited = true)
        {
            observer.CheckCancelled();
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e.HResult is HeldOnLinux or HeldOnMacOs or HeldOnWindows)
            {
                if (!waited)
                    observer.Log($"Another download of {file.Name} is under way, and holds '{path}'. Waiting for it.");
                await Task.Delay(Poll, observer.CancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task DownloadAsync()
    {
        RegularFile.Require(_incomplete);
        var resumed = File.Exists(_incomplete);
        await FetchAsync().ConfigureAwait(false);
        if (resumed && !file.Etag.IsOf(_incomplete))
        {
            observer.Log($"What was there of {file.Name} is not the beginning of it. Downloading it anew.");
            File.Delete(_incomplete);
            await FetchAsync().ConfigureAwait(false);
        }

        if (!file.Etag.IsOf(_incomplete))
        {
            File.Delete(_incomplete);
            throw new InvalidDataException(
                $"{file.Name} of '{file.Repository.Hub}' came with other bytes than the hub announced: their hash is not {file.Etag}. They were deleted. "
                + $"Download it again; if it happens again, check what stands between this machine and {settings.Endpoint} (a proxy, a mirror).");
        }
    }

    private async Task FetchAsync()
    {
        await using var stream = Opened();
        await new HubRetries(settings, observer).RunAsync(() => AppendAsync(stream), () => stream.Position).ConfigureAwait(false);
        Written(() => stream.Flush(flushToDisk: true));
    }

    private FileStream Opened()
    {
        var stream = new FileStream(_incomplete, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        if (stream.Length > file.Size)
            stream.SetLength(0);
        stream.Seek(0, SeekOrigin.End);
        return stream;
    }

    /// <summary>Writes what arrives behind what is there, or in its place where the server begins anew.</summary>
    private async Task<bool> AppendAsync(FileStream stream)
    {
        arrived(stream.Position);
        if (stream.Position == file.Size)
            return true;

        using var bytes = await client.OpenAsync(file, stream.Position).ConfigureAwait(false);
        if (bytes.Start != stream.Position)
        {
            stream.SetLength(bytes.Start);
            stream.Seek(bytes.Start, SeekOrigin.Begin);
        }

        var buffer = new byte[BufferBytes];
        while (await client.ReadAsync(bytes, file.Repository.Hub, buffer).ConfigureAwait(false) is var read and > 0)
        {
            observer.CheckCancelled();
            if (stream.Position + read > file.Size)
                throw new InvalidDataException(
                    $"More than the {file.Size} bytes of {file.Name} of '{file.Repository.Hub}' came that the hub announced. Download it again.");
            Written(() => stream.Write(buffer, 0, read));
            arrived(stream.Position);
        }

        return stream.Position == file.Size ? true : throw new TransientHubException(
            $"The connection was cut behind {stream.Position} of {file.Size} bytes of {file.Name} of '{file.Repository.Hub}'.");
    }

    private void Written(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (FileSizeLimit.IsReason(e))
        {
            throw FileSizeLimit.Error(_incomplete, e);
        }
        catch (IOException e)
        {
            throw new IOException($"'{_incomplete}' cannot be written: {e.Message} {Advice}", e);
        }
    }

    private void RequireSpace()
    {
        var missing = file.Size - (File.Exists(_incomplete) ? new FileInfo(_incomplete).Length : 0);
        if (Free() is { } free && free < missing)
            throw new IOException(FormattableString.Invariant(
                $"{file.Name} of '{file.Repository.Hub}' needs {missing} bytes more in '{Path.GetDirectoryName(_blob)}', but {free} are free. {Advice}"));
    }

    private long? Free()
    {
        var blobs = Path.GetDirectoryName(Path.GetFullPath(_blob))!;
        try
        {
            return new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(blobs)! : blobs).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException) // Some folders have no drive.
        {
            return null;
        }
    }
}
