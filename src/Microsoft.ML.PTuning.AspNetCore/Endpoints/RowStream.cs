using System.IO.Pipelines;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.AspNetCore.Diagnostics;
using Microsoft.ML.PTuning.AspNetCore.Hosting;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>Answers a stream of rows, a line each, while it is sent.</summary>
/// <remarks>At most a window of rows is in memory: a line is read when the answer of an earlier one has been written.</remarks>
internal sealed class RowStream(IPTuningPredictor predictor, StreamGate gate, Drain drain, StreamMetrics metrics, IOptions<PTuningOptions> options)
{
    private const int FlushBytes = 16 * 1024;

    /// <summary>How long a stream that a shutdown ends stays open behind its last line.</summary>
    /// <remarks>A client may lose what it has not read when the connection closes.</remarks>
    private static readonly TimeSpan TimeToRead = TimeSpan.FromMilliseconds(500);

    /// <exception cref="PTuningModelNotFoundException">There is no such model; nothing has been written.</exception>
    /// <exception cref="PTuningModelUnavailableException">The model cannot be loaded; nothing has been written.</exception>
    public async Task AnswerAsync(string model, HttpContext http)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        await predictor.DescribeAsync(model, stop.Token).ConfigureAwait(false);
        RequestBody.Limit(http, bytes: null); // The number of rows and the length of each are limited instead.
        http.Response.ContentType = RequestBody.Lines;

        var size = new BoundedChannelOptions(options.Value.StreamWindow) { SingleReader = true, SingleWriter = true };
        var window = Channel.CreateBounded<Task<AnswerLine>>(size);
        var reading = ReadAsync(model, http, window.Writer, stop.Token);
        try
        {
            await WriteAsync(window.Reader, http.Response.BodyWriter).ConfigureAwait(false);
            if (drain.Expired.IsCancellationRequested)
                await Task.Delay(TimeToRead, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            window.Writer.TryComplete();
            await stop.CancelAsync().ConfigureAwait(false); // If writing failed, nobody wants the rest.
            await reading.ConfigureAwait(false);
        }
    }

    /// <summary>Reads lines and begins to predict them. It never fails: what goes wrong is the last line.</summary>
    private async Task ReadAsync(string model, HttpContext http, ChannelWriter<Task<AnswerLine>> window, CancellationToken cancellationToken)
    {
        long next = 1;
        try
        {
            long rows = 0;
            var lines = new LineReader(http.Request.BodyReader, RequestBody.BytesOf(options.Value.MaxRowCharacters));
            await foreach (var line in lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                next = line.Number;
                if (++rows > options.Value.MaxStreamRows)
                {
                    await EndAsync(window, new AnswerLine(next, null, TooManyRows())).ConfigureAwait(false);
                    break;
                }
                await gate.WaitAsync(model, cancellationToken).ConfigureAwait(false);
                await window.WriteAsync(PredictAsync(model, line, cancellationToken), cancellationToken).ConfigureAwait(false);
                next++;
            }
        }
        catch (Exception e)
        {
            var problem = drain.Expired.IsCancellationRequested ? Problems.ShuttingDown() : Problems.Of(e);
            if (problem is null)
                window.TryComplete(e);
            else
                await EndAsync(window, new AnswerLine(next, null, problem)).ConfigureAwait(false);
        }
        finally
        {
            window.TryComplete();
        }
    }

    private static async Task EndAsync(ChannelWriter<Task<AnswerLine>> window, AnswerLine last)
    {
        try
        {
            await window.WriteAsync(Task.FromResult(last), CancellationToken.None).ConfigureAwait(false);
        }
        catch (ChannelClosedException) // Nobody writes any more.
        {
        }
    }

    private async Task<AnswerLine> PredictAsync(string model, Line line, CancellationToken cancellationToken)
    {
        try
        {
            if (line.Text is null)
                throw new PTuningRowException(
                    $"The line has more than {RequestBody.BytesOf(options.Value.MaxRowCharacters)} bytes (MaxRowCharacters).", isTooLong: true);

            using var row = JsonDocument.Parse(line.Text, RequestBody.Strict);
            var answers = await gate.RunAsync(() => predictor.PredictJsonAsync([model], row.RootElement, cancellationToken), cancellationToken)
                .ConfigureAwait(false);
            return new AnswerLine(line.Number, answers[model], null);
        }
        catch (OperationCanceledException) when (drain.Expired.IsCancellationRequested)
        {
            return new AnswerLine(line.Number, null, Problems.ShuttingDown());
        }
        catch (Exception e) when (Problems.Of(e) is { } problem)
        {
            return new AnswerLine(line.Number, null, problem);
        }
    }

    // Flushing is not cancelled: the server ends it when the client has gone, and a shutdown is the last line.
    private async Task WriteAsync(ChannelReader<Task<AnswerLine>> window, PipeWriter output)
    {
        long unsent = 0;
        do
        {
            while (window.TryRead(out var answer))
            {
                if (!answer.IsCompleted || unsent > FlushBytes)
                    await FlushAsync().ConfigureAwait(false);
                var line = await answer.ConfigureAwait(false);
                unsent += line.Write(output);
                metrics.CountRow(line.Problem?.Type);
            }
            await FlushAsync().ConfigureAwait(false); // While the service must wait, the client gets what there is.
        }
        while (await window.WaitToReadAsync(CancellationToken.None).ConfigureAwait(false));

        async Task FlushAsync()
        {
            await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            unsent = 0;
        }
    }

    private ProblemDetails TooManyRows() => Problems.Create(
        StatusCodes.Status413PayloadTooLarge, "too-many-rows", "The stream has too many rows.",
        $"A stream may have {options.Value.MaxStreamRows} rows (MaxStreamRows); the rest was not read.");
}
