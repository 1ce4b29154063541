using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>A revision of a model on the hub.</summary>
/// <param name="Hub">As the user named it.</param>
/// <param name="Commit">The commit that its revision leads to.</param>
/// <param name="Files">The names of all its files.</param>
internal sealed record HubRepository(HubName Hub, string Commit, IReadOnlySet<string> Files);

/// <summary>A file of a commit.</summary>
/// <param name="Name">From the repository's folder.</param>
internal sealed record HubFile(HubRepository Repository, string Name, HubEtag Etag, long Size);

/// <summary>A file's bytes as they arrive.</summary>
/// <param name="Start">The first byte that arrives.</param>
internal sealed record HubBytes(HttpResponseMessage Response, Stream Stream, long Start) : IDisposable
{
    public void Dispose()
    {
        Stream.Dispose();
        Response.Dispose();
    }
}

/// <summary>Requests to the hub.</summary>
/// <remarks>
/// Proxies are those of <see cref="HttpClient"/>: <c>HTTPS_PROXY</c>, <c>HTTP_PROXY</c>, <c>ALL_PROXY</c>, <c>NO_PROXY</c>. The token is sent to the
/// hub only. Redirects are followed here, because the answers on the way carry what the last one does not.
/// </remarks>
internal sealed class HubClient : IDisposable
{
    private const int MostRedirects = 10;

    /// <summary>Of the list of files.</summary>
    private const long MostListBytes = 1 << 26;

    private const string Commit = "X-Repo-Commit", LinkedEtag = "X-Linked-Etag", LinkedSize = "X-Linked-Size";

    private readonly HubSettings _settings;
    private readonly CancellationToken _cancelled;
    private readonly HttpClient _http;

    public HubClient(HubSettings settings, CancellationToken cancellationToken)
    {
        (_settings, _cancelled) = (settings, cancellationToken);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None, // Sizes and hashes are those of the bytes on the way.
            UseCookies = false,
            ConnectTimeout = settings.Patience,
        };
        _http = new(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new("Microsoft.ML.PTuning", typeof(HubClient).Assembly.GetName().Version!.ToString()));
    }

    /// <summary>Finds a model, its commit and the names of its files.</summary>
    /// <exception cref="HttpRequestException">There is no such model or revision, or it may not be read.</exception>
    /// <exception cref="InvalidDataException">The answer is not the hub's.</exception>
    public async Task<HubRepository> FindAsync(HubName hub)
    {
        var uri = new Uri(_settings.Endpoint, $"api/models/{hub.Name}/revision/{Uri.EscapeDataString(hub.RevisionOrDefault)}");
        using var answer = await SendAsync(new(HttpMethod.Get, uri, hub, "the list of files")).ConfigureAwait(false);
        var list = await PatientlyAsync(answer.Response, hub, async cancelled =>
        {
            await answer.Response.Content.LoadIntoBufferAsync(MostListBytes).WaitAsync(cancelled).ConfigureAwait(false);
            return await answer.Response.Content.ReadAsByteArrayAsync(cancelled).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return Parse(hub, list);
    }

    /// <summary>Asks for the hash and the size of a file.</summary>
    /// <inheritdoc cref="FindAsync(HubName)"/>
    public async Task<HubFile> FindAsync(HubRepository repository, string name)
    {
        using var answer = await SendAsync(new(HttpMethod.Head, FileUri(repository, name), repository.Hub, name)).ConfigureAwait(false);
        var size = long.TryParse(answer.LinkedSize, out var linked) ? linked : answer.Response.Content.Headers.ContentLength;
        if (HubEtag.TryParse(answer.Etag) is not { } etag || size is not >= 0)
            throw Foreign(repository.Hub,
                $"for {name} it gives the ETag '{answer.Etag}' and {(size is null ? "no size" : $"the size {size}")}, expected a hash and a size");
        if (answer.Commit is { } commit && commit != repository.Commit)
            throw Foreign(repository.Hub, $"for {name} of the commit {repository.Commit} it gives that of '{commit}'");
        return new(repository, name, etag, size.Value);
    }

    /// <summary>Opens a file, where the server can from a byte on, else from the beginning.</summary>
    /// <inheritdoc cref="FindAsync(HubName)"/>
    public async Task<HubBytes> OpenAsync(HubFile file, long start)
    {
        var (hub, uri) = (file.Repository.Hub, FileUri(file.Repository, file.Name));
        var answer = await SendAsync(new(HttpMethod.Get, uri, hub, file.Name) { Start = start, Etag = file.Etag }).ConfigureAwait(false);
        try
        {
            if (answer.Etag is not null && HubEtag.TryParse(answer.Etag) != file.Etag)
                throw Foreign(hub, $"{file.Name} changed while it was downloaded: its ETag was {file.Etag} and is '{answer.Etag}'");

            var response = answer.Response;
            if (response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange is { } range
                && (range.From != start || (range.HasLength && range.Length != file.Size)))
                throw Foreign(hub, $"from byte {start} of {file.Size} of {file.Name} on it gives '{range}'");
            var first = response.StatusCode == HttpStatusCode.PartialContent ? start : 0;
            if (response.Content.Headers.ContentLength is { } length && length != file.Size - first)
                throw Foreign(hub, $"it gives {first + length} bytes of {file.Name}, expected {file.Size}");

            return new(response, await response.Content.ReadAsStreamAsync(_cancelled).ConfigureAwait(false), first);
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    /// <summary>Reads what has arrived next.</summary>
    /// <returns>0 at the end.</returns>
    public Task<int> ReadAsync(HubBytes bytes, HubName hub, Memory<byte> buffer) =>
        PatientlyAsync(bytes.Response, hub, async cancelled => await bytes.Stream.ReadAsync(buffer, cancelled).ConfigureAwait(false));

    public void Dispose() => _http.Dispose();

    private Uri FileUri(HubRepository repository, string name) =>
        new(_settings.Endpoint, $"{repository.Hub.Name}/resolve/{repository.Commit}/{string.Join('/', name.Split('/').Select(Uri.EscapeDataString))}");

    /// <summary>Follows redirects to the answer. A HEAD stays on the hub, whose own answer tells all.</summary>
    private async Task<Answer> SendAsync(Question question)
    {
        var (uri, start, answer) = (question.Uri, question.Start, new Answer());
        for (var redirects = 0; redirects <= MostRedirects; redirects++)
        {
            var isHub = IsHub(uri);
            var response = answer.Response = await SendOnceAsync(question, uri, start, isHub).ConfigureAwait(false);
            if (isHub)
                answer.Add(response);
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && start > 0)
            {
                (uri, start) = (question.Uri, 0);
                response.Dispose();
                continue;
            }
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
            {
                if (response.IsSuccessStatusCode)
                    return answer;
                using (response)
                    throw HubErrors.Of(response, question.Hub, question.What, _settings, isHub);
            }

            var next = new Uri(uri, location);
            if (question.Method == HttpMethod.Head && !IsHub(next))
                return answer;
            response.Dispose();
            if (next.Scheme != Uri.UriSchemeHttps && (next.Scheme != Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps))
                throw Foreign(question.Hub, $"it leads from {uri.Scheme} to {next.Scheme} for {question.What}");
            uri = next;
        }

        throw Foreign(question.Hub, $"it leads in a circle for {question.What}");
    }

    private async Task<HttpResponseMessage> SendOnceAsync(Question question, Uri uri, long start, bool isHub)
    {
        using var request = new HttpRequestMessage(question.Method, uri);
        request.Headers.AcceptEncoding.Add(new("identity"));
        if (isHub && _settings.Token is { } token)
            request.Headers.Authorization = new("Bearer", token);
        if (start > 0)
        {
            request.Headers.Range = new(start, null);
            if (isHub) // Other servers have other ETags for the same bytes.
                request.Headers.IfRange = new(new EntityTagHeaderValue($"\"{question.Etag}\""));
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_cancelled);
        patience.CancelAfter(_settings.Patience);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token).ConfigureAwait(false);
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            throw new HttpRequestException(
                $"No secure connection to {uri.Host} can be made to download '{question.Hub}': {e.InnerException?.Message ?? e.Message} "
                + "Check the clock, and the certificates of a proxy.", e);
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(uri, question.Hub, e.InnerException is SocketException socket ? socket.Message : e.Message, e);
        }
        catch (OperationCanceledException e) when (!_cancelled.IsCancellationRequested)
        {
            throw Unreachable(uri, question.Hub, $"no answer for {_settings.Patience.TotalSeconds} s", e);
        }
    }

    private async Task<T> PatientlyAsync<T>(HttpResponseMessage response, HubName hub, Func<CancellationToken, Task<T>> read)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_cancelled);
        patience.CancelAfter(_settings.Patience);
        var host = response.RequestMessage!.RequestUri!.Host;
        try
        {
            return await read(patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or SocketException)
        {
            throw new TransientHubException($"The connection to {host} was cut while '{hub}' was downloaded ({e.Message}).", inner: e);
        }
        catch (OperationCanceledException e) when (!_cancelled.IsCancellationRequested)
        {
            throw new TransientHubException($"Nothing came from {host} for {_settings.Patience.TotalSeconds} s while '{hub}' was downloaded.", inner: e);
        }
    }

    private HubRepository Parse(HubName hub, byte[] list)
    {
        try
        {
            using var document = JsonDocument.Parse(list);
            var commit = document.RootElement.GetProperty("sha").GetString();
            var files = document.RootElement.GetProperty("siblings").EnumerateArray()
                .Select(file => file.GetProperty("rfilename").GetString() ?? throw new JsonException("a file has no name")).ToHashSet();
            if (commit is null || !HubName.IsCommit(commit) || (HubName.IsCommit(hub.RevisionOrDefault) && commit != hub.Revision))
                throw Foreign(hub, $"the commit of '{hub.RevisionOrDefault}' is '{commit}'");
            if (files.FirstOrDefault(LeavesItsFolder) is { } outside)
                throw Foreign(hub, $"it names the file '{outside}', which no repository can have");
            return new(hub, commit, files);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw Foreign(hub, $"the list of files is not JSON with 'sha' and 'siblings' ({e.Message})", e);
        }
    }

    // Git has no such names.
    private static bool LeavesItsFolder(string file) => file.Contains('\\') || file.Split('/').Any(part => part is "" or "." or "..");

    private bool IsHub(Uri uri) =>
        Uri.Compare(uri, _settings.Endpoint, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;

    private static TransientHubException Unreachable(Uri uri, HubName hub, string reason, Exception inner) =>
        new($"{uri.GetLeftPart(UriPartial.Authority)} cannot be reached to download '{hub}': {reason.TrimEnd('.')}.", isUnreachable: true, inner: inner);

    private InvalidDataException Foreign(HubName hub, string reason, Exception? inner = null) => new(
        $"{_settings.Endpoint} does not answer as a Hugging Face hub does for '{hub}': {reason}. Try again; else check {HubSettings.EndpointVariable}, "
        + "and what stands between this machine and the hub (a proxy, a mirror).", inner);

    /// <param name="What">For messages.</param>
    private sealed record Question(HttpMethod Method, Uri Uri, HubName Hub, string What)
    {
        /// <summary>The first byte that is asked for.</summary>
        public long Start { get; init; }

        /// <summary>What the bytes before it belong to.</summary>
        public HubEtag? Etag { get; init; }
    }

    /// <summary>The last response, and what the hub said on the way to it.</summary>
    private sealed class Answer : IDisposable
    {
        public HttpResponseMessage Response { get; set; } = null!;

        public string? Commit { get; private set; }

        public string? Etag { get; private set; }

        public string? LinkedSize { get; private set; }

        public void Add(HttpResponseMessage response)
        {
            Commit = HubErrors.Header(response, HubClient.Commit) ?? Commit;
            LinkedSize = HubErrors.Header(response, HubClient.LinkedSize) ?? LinkedSize;
            Etag = HubErrors.Header(response, LinkedEtag) ?? Etag ?? (response.IsSuccessStatusCode ? HubErrors.Header(response, "ETag") : null);
        }

        public void Dispose() => Response.Dispose();
    }
}
