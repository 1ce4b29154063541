using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>Asks a service on this machine, over connections that are kept (HTTP/1.1), for predictions of short texts by models in random order.</summary>
internal sealed class LoadGenerator : IDisposable
{
    private const double MeanWords = 12;
    private const int Texts = 1024;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(20);
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false });
    private readonly byte[][] _bodies = [.. TextRows.Sst2(Texts, MeanWords).Select(row => JsonSerializer.SerializeToUtf8Bytes(new { row.Sentence1 }))];
    private readonly Uri[] _models;

    public LoadGenerator(Uri service, IEnumerable<string> models)
    {
        if (!service.IsLoopback)
            throw new ArgumentException($"Loads are for services on this machine, not for {service}.", nameof(service));
        _models = [.. models.Select(model => new Uri(service, $"/predict/{model}"))];
    }

    /// <summary>Asks every model once, and some more, so that models are loaded and code is compiled.</summary>
    /// <exception cref="InvalidOperationException">A model did not answer.</exception>
    public void WarmUp()
    {
        var each = Task.WhenAll(_models.Chunk((_models.Length + 3) / 4).Select(async models =>
        {
            var answers = new List<Sent>();
            foreach (var model in models)
                answers.Add(await AskAsync(model, 0, 0, Stopwatch.StartNew()).ConfigureAwait(false));
            return answers;
        })).GetAwaiter().GetResult();
        int[] wrong = [.. each.SelectMany(answers => answers).Where(answer => !answer.IsPredicted).Select(answer => answer.Status)];
        if (wrong.Length > 0)
            throw new InvalidOperationException($"{wrong.Length} of {_models.Length} models did not answer; the first with status {wrong[0]}.");
        Closed(callers: 16, TimeSpan.FromSeconds(6)); // .NET compiles hot code anew in the first seconds.
    }

    /// <summary>A closed loop: callers that wait for an answer before they ask again.</summary>
    public LoadResult Closed(int callers, TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        var asked = Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            var (random, sent) = (new Random(caller), new List<Sent>());
            while (clock.Elapsed < time)
                sent.Add(await AskAsync(random, clock.Elapsed.TotalSeconds, clock).ConfigureAwait(false));
            return sent;
        }))).GetAwaiter().GetResult();
        return new LoadResult([.. asked.SelectMany(sent => sent)], time.TotalSeconds);
    }

    /// <summary>An open loop: requests come at random times (Poisson), however slowly the service answers. Ends when all are answered.</summary>
    /// <param name="rate">Requests per second.</param>
    /// <param name="isHopeless">Whether sending can end early, by the answers so far and the number of requests to expect; null to send all.</param>
    public LoadResult Open(double rate, TimeSpan time, Func<IReadOnlyList<Sent>, double, bool>? isHopeless = null)
    {
        var (random, answers, pending) = (new Random(1), new List<Sent>(), new List<Task>());
        var clock = Stopwatch.StartNew();
        for (var next = Wait(); next < time.TotalSeconds; next += Wait())
        {
            while (next - clock.Elapsed.TotalSeconds is > 0 and var early)
                Thread.Sleep(TimeSpan.FromSeconds(Math.Min(early, 0.001)));
            pending.Add(RecordAsync(next));
            if (pending.Count % 64 == 0 && isHopeless is not null && IsHopeless())
                break;
        }
        Task.WaitAll(pending);
        return new LoadResult(answers, time.TotalSeconds);

        double Wait() => -Math.Log(1 - random.NextDouble()) / rate;

        async Task RecordAsync(double intended)
        {
            var answer = await AskAsync(random, intended, clock).ConfigureAwait(false);
            lock (answers)
                answers.Add(answer);
        }

        bool IsHopeless()
        {
            lock (answers)
                return isHopeless(answers, rate * time.TotalSeconds);
        }
    }

    public void Dispose() => _client.Dispose();

    private Task<Sent> AskAsync(Random random, double intended, Stopwatch clock) =>
        AskAsync(_models[random.Next(_models.Length)], random.Next(_bodies.Length), intended, clock);

    private async Task<Sent> AskAsync(Uri model, int text, double intended, Stopwatch clock)
    {
        using var content = new ByteArrayContent(_bodies[text]);
        content.Headers.ContentType = Json;
        using var request = new HttpRequestMessage(HttpMethod.Post, model) { Content = content };
        using var end = new CancellationTokenSource(LongestWait);
        try
        {
            using var response = await _client.SendAsync(request, end.Token).ConfigureAwait(false);
            await response.Content.CopyToAsync(Stream.Null, end.Token).ConfigureAwait(false);
            return new Sent((int)response.StatusCode, intended, clock.Elapsed.TotalSeconds);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return new Sent(0, intended, clock.Elapsed.TotalSeconds);
        }
    }
}
