using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

/// <summary>A request as it came.</summary>
/// <param name="Server">The name of the server that it came to.</param>
/// <param name="Path">Path and query; a whole address where the server is a proxy.</param>
internal sealed record LoopbackRequest(string Server, string Method, string Path, IReadOnlyDictionary<string, string> Headers)
{
    public string? this[string header] => Headers.GetValueOrDefault(header.ToLowerInvariant());

    public override string ToString() => $"{Server} {Method} {Path}";
}

/// <summary>What is answered.</summary>
internal sealed record LoopbackReply(int Status, byte[] Body, params (string Name, string Value)[] Headers)
{
    /// <summary>The connection is cut behind so many bytes of the body.</summary>
    public int CutBehind { get; init; } = int.MaxValue;

    /// <summary>What the header says; null for the body's length.</summary>
    public long? ContentLength { get; init; }

    /// <summary>Whether the body is sent slowly, in small pieces.</summary>
    public bool IsSlow { get; init; }

    public static LoopbackReply Error(int status, params (string Name, string Value)[] headers) => new(status, [], headers);
}

/// <summary>A web server on a port of this machine. A connection has one request.</summary>
internal sealed class LoopbackServer : IDisposable
{
    private const int SlowPiece = 1 << 14;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<LoopbackRequest, LoopbackReply> _answer;
    private readonly string _name;
    private long _sent;

    public LoopbackServer(string name, Func<LoopbackRequest, LoopbackReply> answer)
    {
        (_name, _answer) = (name, answer);
        _listener.Start();
        Address = new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        _ = Task.Run(AcceptAsync);
    }

    public Uri Address { get; }

    /// <summary>Bytes of bodies.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        while (true)
        {
            TcpClient client;
            try
            {
                client = await _listener.AcceptTcpClientAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
            _ = Task.Run(() => ServeAsync(client));
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                client.NoDelay = true;
                var stream = client.GetStream();
                var request = await ReadAsync(stream);
                await SendAsync(client, stream, request, _answer(request));
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // The other side has gone away.
            }
        }
    }

    private async Task<LoopbackRequest> ReadAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            head.Append(await stream.ReadAsync(one) == 1 ? (char)one[0] : throw new IOException("The request ended early."));

        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var first = lines[0].Split(' ');
        var headers = lines[1..].Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0].ToLowerInvariant(), pair => pair[1].Trim());
        return new(_name, first[0], first[1], headers);
    }

    private async Task SendAsync(TcpClient client, NetworkStream stream, LoopbackRequest request, LoopbackReply reply)
    {
        var head = new StringBuilder($"HTTP/1.1 {reply.Status} Status\r\nConnection: close\r\nContent-Length: {reply.ContentLength ?? reply.Body.Length}\r\n");
        foreach (var (name, value) in reply.Headers)
            head.Append($"{name}: {value}\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()));
        if (request.Method == "HEAD")
            return;

        var body = reply.Body.AsMemory(0, Math.Min(reply.CutBehind, reply.Body.Length));
        var piece = reply.IsSlow ? SlowPiece : Math.Max(1, body.Length);
        for (var start = 0; start < body.Length; start += piece)
        {
            var next = body[start..Math.Min(start + piece, body.Length)];
            await stream.WriteAsync(next);
            Interlocked.Add(ref _sent, next.Length);
            if (reply.IsSlow)
                await Task.Delay(2);
        }

        if (body.Length < reply.Body.Length)
            await Task.Delay(50); // What was sent arrives before the connection is reset.
        if (body.Length < reply.Body.Length)
            client.LingerState = new(true, 0);
    }
}
