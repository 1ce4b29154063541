using System.Text.Json;
using Microsoft.ML.PTuning.Orleans.Placement;
using Microsoft.ML.PTuning.Serving.Models;

namespace Microsoft.ML.PTuning.Orleans.Serving;

[GrainType("ptuning-model")]
[ReplicaPlacement]
internal sealed class ModelGrain(FolderPredictor predictor, TimeProvider time) : Grain, IModelGrain
{
    /// <summary>How long an answer is kept for a client that was told to ask again, and may have gone.</summary>
    private static readonly TimeSpan s_keep = TimeSpan.FromMinutes(1);

    private readonly Dictionary<Guid, LongPrediction> _long = [];

    private string Model
    {
        get
        {
            this.GetPrimaryKeyLong(out var model);
            return model!;
        }
    }

    public Task<Reply<byte[]>> DescribeAsync() =>
        ReplyAsync(async () => JsonSerializer.SerializeToUtf8Bytes(await predictor.DescribeAsync(Model, CancellationToken.None)));

    public async Task<Reply<Dictionary<string, Prediction>>?> PredictAsync(RowRequest request, CancellationToken cancellationToken)
    {
        // On a thread of the pool: a grain's own reads one row at a time.
        var work = _long.TryGetValue(request.Id, out var known) ? known.Work : Task.Run(() => AnswerAsync(request, cancellationToken), CancellationToken.None);
        await Task.WhenAny(work, Task.Delay(ShortCalls.Patience, cancellationToken));
        if (work.IsCompleted)
        {
            _long.Remove(request.Id);
            return await work;
        }

        Forget();
        _long[request.Id] = new(work, time.GetTimestamp());
        return null;
    }

    private Task<Reply<Dictionary<string, Prediction>>> AnswerAsync(RowRequest request, CancellationToken cancellationToken) => ReplyAsync(async () =>
    {
        using var row = JsonDocument.Parse(request.Row);
        var answers = await predictor.PredictJsonAsync(
            request.Models,
            row.RootElement,
            request.AsColumns,
            (columns, answer) => request.AsColumns
                ? new Prediction(null, RowValues.Read(answer, columns.Outputs))
                : new Prediction(JsonSerializer.SerializeToUtf8Bytes(columns.Writer.Write(answer)), null),
            cancellationToken);
        return new Dictionary<string, Prediction>(answers);
    });

    private void Forget()
    {
        foreach (var (id, old) in _long.Where(old => old.Value.Work.IsCompleted && time.GetElapsedTime(old.Value.Asked) > s_keep).ToList())
            _long.Remove(id);
    }

    private static async Task<Reply<T>> ReplyAsync<T>(Func<Task<T>> answer)
        where T : class
    {
        try
        {
            return new Reply<T>(await answer(), null);
        }
        catch (Exception e) when (Refusal.Of(e) is { } refusal)
        {
            return new Reply<T>(null, refusal);
        }
    }

    /// <param name="Asked">When somebody last waited for it.</param>
    private sealed record LongPrediction(Task<Reply<Dictionary<string, Prediction>>> Work, long Asked);
}
