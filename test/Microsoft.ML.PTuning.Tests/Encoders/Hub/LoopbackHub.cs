using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.Encoders.Hub;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

/// <summary>Calls a method on the thread that reports.</summary>
internal sealed class Reports(Action<BackboneDownloadProgress> report) : IProgress<BackboneDownloadProgress>
{
    public void Report(BackboneDownloadProgress value) => report(value);
}

/// <summary>A server that answers as the Hugging Face hub does, with one model. Large files come from another server, as from its CDN.</summary>
internal sealed class LoopbackHub : IDisposable
{
    public const string Model = "owner/mini", Address = "hf://" + Model;

    private const int LargestInGit = 100_000;

    private readonly TemporaryDirectory _folder = new();
    private readonly List<LoopbackRequest> _requests = [];
    private readonly LoopbackServer _hub, _cdn;

    /// <summary>With configuration and vocabulary of the mini encoder, and random bytes for weights.</summary>
    public LoopbackHub()
    {
        var weights = new byte[1_000_000];
        new Random(1).NextBytes(weights);
        foreach (var file in Directory.GetFiles(Mini).Where(file => Path.GetExtension(file) != ".safetensors"))
            Files[Path.GetFileName(file)] = File.ReadAllBytes(file);
        Files["model.safetensors"] = weights;
        _cdn = new("cdn", request => Record(request) ?? Bytes(request, request.Path.TrimStart('/').Split('?')[0]));
        _hub = new("hub", request => Record(request) ?? Answer(request));
    }

    /// <summary>The encoder of the package Backbone.Mini.</summary>
    public static string Mini { get; } = Path.Combine(AppContext.BaseDirectory, "backbones", "mini-cased");

    private static string Program { get; } =
        typeof(LoopbackHub).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "Download.Program").Value!;

    public Uri Endpoint => _hub.Address;

    /// <summary>Of the CDN.</summary>
    public long BytesSent => _cdn.Sent;

    /// <summary>The files of the model.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    public string Commit { get; set; } = "86b5e0934494bd15c9632b12f734a8a67f723594";

    /// <summary>Branches and tags.</summary>
    public HashSet<string> Revisions { get; } = ["main"];

    /// <summary>The token that the model needs; null where it is public.</summary>
    public string? NeededToken { get; set; }

    /// <summary>Answers instead of the hub; null for a request that the hub is to answer.</summary>
    public Func<LoopbackRequest, LoopbackReply?> Instead { get; set; } = _ => null;

    /// <summary>Changes an answer with a file's bytes.</summary>
    public Func<LoopbackRequest, LoopbackReply, LoopbackReply> Change { get; set; } = (_, reply) => reply;

    public IReadOnlyList<LoopbackRequest> Requests
    {
        get
        {
            lock (_requests)
                return [.. _requests];
        }
    }

    /// <summary>The requests for bytes of files.</summary>
    public string[] Downloads => [.. Requests.Where(r => r.Method == "GET" && !r.Path.StartsWith("/api/", StringComparison.Ordinal)).Select(r => r.ToString())];

    public string CacheFolder { get => field ?? _folder.File("hub"); init; }

    /// <summary>The model's folder in the cache.</summary>
    public string ModelFolder => Path.Combine(CacheFolder, "models--owner--mini");

    public string Snapshot => Path.Combine(ModelFolder, "snapshots", Commit);

    public HubSettings Settings => new() { Endpoint = Endpoint, FirstPause = TimeSpan.FromMilliseconds(1), Patience = TimeSpan.FromSeconds(20) };

    public List<string> Log { get; } = [];

    public DownloadObserver Observer(IProgress<BackboneDownloadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        new(Log.Add, cancellationToken.ThrowIfCancellationRequested, progress, cancellationToken);

    public string Download(string address = Address, HubSettings? settings = null, DownloadObserver? observer = null) =>
        new HubDownload(new(CacheFolder), settings ?? Settings, observer ?? Observer()).RunAsync(HubName.ParseAddress(address)).GetAwaiter().GetResult();

    /// <summary>Downloads in a process of its own.</summary>
    public Process Start(string address = Address, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("dotnet", [Program, address]) { RedirectStandardOutput = true, RedirectStandardError = true };
        (start.Environment["HF_ENDPOINT"], start.Environment["HF_HUB_CACHE"]) = (Endpoint.ToString(), CacheFolder);
        start.Environment["HF_TOKEN_PATH"] = _folder.File("no-token");
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public void Forget()
    {
        lock (_requests)
            _requests.Clear();
    }

    /// <summary>The name of bytes on the hub: their SHA-256 where they are in Git LFS, else what <c>git hash-object</c> gives.</summary>
    public static string Etag(byte[] bytes) => Convert.ToHexString(IsLarge(bytes)
        ? SHA256.HashData(bytes)
        : SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes])).ToLowerInvariant();

    public LoopbackReply List(string? commit = null, IEnumerable<string>? files = null) => new(200, JsonSerializer.SerializeToUtf8Bytes(
        new { id = Model, sha = commit ?? Commit, siblings = (files ?? Files.Keys).Select(name => new { rfilename = name }) }));

    public void Dispose()
    {
        _hub.Dispose();
        _cdn.Dispose();
        _folder.Dispose();
    }

    private static bool IsLarge(byte[] bytes) => bytes.Length > LargestInGit;

    private LoopbackReply? Record(LoopbackRequest request)
    {
        lock (_requests)
            _requests.Add(request);
        return Instead(request);
    }

    private LoopbackReply Answer(LoopbackRequest request)
    {
        if (NeededToken is not null && request["Authorization"] != $"Bearer {NeededToken}")
            return LoopbackReply.Error(401, ("X-Error-Message", "Invalid username or password."));

        const string Api = $"/api/models/{Model}/revision/", Resolve = $"/{Model}/resolve/";
        if (request.Path.StartsWith(Api, StringComparison.Ordinal))
            return Uri.UnescapeDataString(request.Path[Api.Length..]) is var revision && (revision == Commit || Revisions.Contains(revision))
                ? List()
                : LoopbackReply.Error(404, ("X-Error-Code", "RevisionNotFound"));
        if (!request.Path.StartsWith(Resolve + Commit, StringComparison.Ordinal))
            return LoopbackReply.Error(404, ("X-Error-Code", "RepoNotFound"));

        var name = request.Path[(Resolve.Length + Commit.Length + 1)..];
        if (!Files.TryGetValue(name, out var bytes))
            return LoopbackReply.Error(404, ("X-Error-Code", "EntryNotFound"));
        if (!IsLarge(bytes))
            return Bytes(request, name);
        return new(
            302, Encoding.ASCII.GetBytes("Found"), ("Location", $"{_cdn.Address}{name}?signature=1"), ("X-Repo-Commit", Commit),
            ("X-Linked-Etag", $"\"{Etag(bytes)}\""), ("X-Linked-Size", bytes.Length.ToString(CultureInfo.InvariantCulture)));
    }

    private LoopbackReply Bytes(LoopbackRequest request, string name)
    {
        var bytes = Files[name];
        var etag = request.Server == "hub" ? Etag(bytes) : "the-cdn-has-its-own";
        (string, string)[] headers = [("ETag", $"\"{etag}\""), ("X-Repo-Commit", Commit)];
        if (request["Range"] is not { } range)
            return Change(request, new(200, bytes, headers));

        var start = int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture);
        return Change(request, start >= bytes.Length
            ? LoopbackReply.Error(416)
            : new(206, bytes[start..], [.. headers, ("Content-Range", $"bytes {start}-{bytes.Length - 1}/{bytes.Length}")]));
    }
}
