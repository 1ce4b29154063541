using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>A stream of rows whose answers are read while it is sent.</summary>
internal sealed class DuplexStream : IAsyncDisposable
{
    private const long NoError = 0; // HTTP/2's.

    private readonly RowsContent _rows = new();
    private HttpResponseMessage _response = null!;
    private StreamReader _answers = null!;

    public static async Task<DuplexStream> OpenAsync(ServingApplication application, string model)
    {
        var stream = new DuplexStream();
        var request = new HttpRequestMessage(HttpMethod.Post, $"/predict/{model}")
        {
            Content = stream._rows, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        var answering = application.Duplex.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await stream.SendAsync(new { Text = "first" }); // The service answers with headers when it has an answer to send.
        stream._response = await answering;
        Assert.AreEqual(HttpStatusCode.OK, stream._response.StatusCode);
        stream._answers = new StreamReader(await stream._response.Content.ReadAsStreamAsync());
        Assert.AreEqual(1, (int)(await stream.ReadAsync())!["line"]!);
        return stream;
    }

    public async Task SendAsync(object row)
    {
        var output = await _rows.Output;
        await output.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(row));
        await output.WriteAsync("\n"u8.ToArray());
        await output.FlushAsync();
    }

    /// <returns>Null at the end, and where the server has closed the connection without an error.</returns>
    public async Task<JsonObject?> ReadAsync()
    {
        try
        {
            return await _answers.ReadLineAsync() is { } line ? JsonNode.Parse(line)!.AsObject() : null;
        }
        catch (HttpProtocolException e) when (e.ErrorCode == NoError)
        {
            return null;
        }
    }

    /// <summary>Ends the rows.</summary>
    public void Complete() => _rows.Complete();

    public ValueTask DisposeAsync()
    {
        Complete();
        _answers.Dispose();
        _response.Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class RowsContent : HttpContent
    {
        private readonly TaskCompletionSource<Stream> _output = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public RowsContent() => Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");

        public Task<Stream> Output => _output.Task;

        public void Complete() => _complete.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.FlushAsync();
            _output.SetResult(stream);
            await _complete.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
