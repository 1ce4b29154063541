using System.Text.Json;
using Microsoft.ML.PTuning.Orleans.Placement;
using Microsoft.ML.PTuning.Serving;
using Microsoft.ML.PTuning.Serving.Models;

namespace Microsoft.ML.PTuning.Orleans.Serving;

[GrainType("ptuning-model")]
[ReplicaPlacement]
internal sealed class ModelGrain(FolderPredictor predictor, ILocalSiloDetails silo, IClusterMembershipService membership, TimeProvider time)
    : Grain, IModelGrain
{
    /// <summary>How long an answer is kept for a client that was told to ask again, and may have gone.</summary>
    private static readonly TimeSpan s_keep = TimeSpan.FromMinutes(1);

    /// <summary>How soon a model moves when silos come and go.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);

    private readonly Dictionary<Guid, LongCall> _long = [];
    private MembershipVersion _seen;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _seen = membership.CurrentSnapshot.Version;
        this.RegisterGrainTimer(FollowMembership, new GrainTimerCreationOptions(s_look, s_look) { Interleave = true });
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        foreach (var call in _long.Values)
            await call.Stop.CancelAsync();
    }

    public Task<Reply<byte[]>?> DescribeAsync(Guid id, CancellationToken cancellationToken)
    {
        var model = Key().Model;
        return AskAsync(id, async stop => JsonSerializer.SerializeToUtf8Bytes(await predictor.DescribeAsync(model, stop)), cancellationToken);
    }

    public Task<Reply<Dictionary<string, Prediction>>?> PredictAsync(RowRequest request, CancellationToken cancellationToken) =>
        AskAsync(request.Id, stop => PredictWithAllAsync(request, stop), cancellationToken);

    private async Task<Dictionary<string, Prediction>> PredictWithAllAsync(RowRequest request, CancellationToken cancellationToken)
    {
        using var row = JsonDocument.Parse(request.Row);
        var answers = await predictor.PredictJsonAsync(
            request.Models,
            row.RootElement,
            request.IsTyped,
            (columns, answer) => request.IsTyped
                ? new Prediction(null, RowValues.Read(answer, columns.Outputs))
                : new Prediction(JsonSerializer.SerializeToUtf8Bytes(columns.Writer.Write(answer)), null),
            cancellationToken);
        return new Dictionary<string, Prediction>(answers);
    }

    /// <summary>Begins work, or waits for work that was begun. Each call lasts for some seconds at most.</summary>
    private async Task<Reply<T>?> AskAsync<T>(Guid id, Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
        where T : class
    {
        if (!_long.Remove(id, out var call))
        {
            var stop = new CancellationTokenSource();
            call = new LongCall(Task.Run(() => ReplyAsync(work, stop.Token), CancellationToken.None), stop); // A grain's own thread reads one row at a time.
        }
        var reply = (Task<Reply<T>>)call.Work;
        using (cancellationToken.Register(call.Stop.Cancel))
            await Task.WhenAny(reply, WaitAsync(reply));
        if (reply.IsCompleted)
        {
            call.Stop.Dispose();
            var answer = await reply;
            if (answer.Refusal is { Kind: nameof(PTuningModelNotFoundException) } refusal && refusal.Name == Key().Model)
                DeactivateOnIdle(); // Names that no model has must not fill the memory.
            return answer;
        }

        cancellationToken.ThrowIfCancellationRequested();
        Forget();
        _long[id] = call with { Asked = time.GetTimestamp() };
        return null;
    }

    private static async Task WaitAsync(Task work)
    {
        try
        {
            await work.WaitAsync(ShortCalls.Patience);
        }
        catch (Exception) // Too long, or what the work itself tells.
        {
        }
    }

    private void Forget()
    {
        foreach (var (id, old) in _long.Where(old => old.Value.Work.IsCompleted && time.GetElapsedTime(old.Value.Asked) > s_keep).ToList())
            _long.Remove(id);
    }

    /// <summary>Moves to the silo that the name chooses now, once its rows are answered.</summary>
    private Task FollowMembership(CancellationToken cancellationToken)
    {
        var snapshot = membership.CurrentSnapshot;
        if (snapshot.Version == _seen)
            return Task.CompletedTask;

        _seen = snapshot.Version;
        SiloAddress[] active = [.. snapshot.Members.Values.Where(member => member.Status == SiloStatus.Active).Select(member => member.SiloAddress)];
        var (replica, model) = Key();
        if (active.Length > 0 && !ReplicaDirector.Choose(model, replica, active).Equals(silo.SiloAddress))
            MigrateOnIdle();
        return Task.CompletedTask;
    }

    private (long Replica, string Model) Key()
    {
        var replica = this.GetPrimaryKeyLong(out var model);
        return (replica, model!);
    }

    private static async Task<Reply<T>> ReplyAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return new Reply<T>(await work(cancellationToken), null);
        }
        catch (Exception e) when (Refusal.Of(e) is { } refusal)
        {
            return new Reply<T>(null, refusal);
        }
    }

    /// <param name="Stop">Ends it when its caller has given up.</param>
    private sealed record LongCall(Task Work, CancellationTokenSource Stop)
    {
        /// <summary>When somebody last waited for it.</summary>
        public long Asked { get; init; }
    }
}
