using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Serving;
using Microsoft.ML.PTuning.Serving.Models;
using Orleans.Runtime.Placement;

namespace Microsoft.ML.PTuning.Orleans.Serving;

/// <summary>Has the silos of a cluster predict. A row whose silo dies is asked for again.</summary>
internal sealed class ClusterPredictor(IGrainFactory grains, Replicas replicas) : IPTuningPredictor
{
    /// <summary>By then the cluster knows of a death, also with patient settings, and has placed the models of the dead silo.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    public async Task<IReadOnlyList<PTuningModel>> ListModelsAsync(CancellationToken cancellationToken)
    {
        var active = await grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true).WaitAsync(cancellationToken).ConfigureAwait(false);
        var lists = await Task.WhenAll(active.Keys.Select(ListAsync)).WaitAsync(cancellationToken).ConfigureAwait(false);
        return [.. lists.SelectMany(list => list).GroupBy(model => model.Name).Select(Merge).OrderBy(model => model.Name, StringComparer.Ordinal)];
    }

    public async Task<PTuningModelDescription> DescribeAsync(string model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        RequireName(model);
        var id = Guid.NewGuid();
        var reply = await AskAsync(model, () => grains.GetGrain<IModelGrain>(0, model, null).DescribeAsync(id, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        return JsonSerializer.Deserialize<PTuningModelDescription>(reply.Open())!;
    }

    public async Task<TPrediction> PredictAsync<TRow, TPrediction>(string model, TRow row, CancellationToken cancellationToken)
        where TRow : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(model);
        return (await PredictAllAsync<TRow, TPrediction>([model], row, cancellationToken).ConfigureAwait(false))[model];
    }

    public async Task<IReadOnlyDictionary<string, TPrediction>> PredictAllAsync<TRow, TPrediction>(
        IReadOnlyCollection<string> models, TRow row, CancellationToken cancellationToken)
        where TRow : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(row);
        try
        {
            var answers = await PredictAsync(models, TypedRows.Write(row), isTyped: true, cancellationToken).ConfigureAwait(false);
            return answers.ToDictionary(answer => answer.Key, answer => TypedRows.Read<TPrediction>(answer.Value.Columns!, row));
        }
        catch (PTuningRowException wrong) // Of JSON, in the interface's words.
        {
            throw new ArgumentOutOfRangeException(wrong.Field, wrong.Message);
        }
    }

    public async Task<IReadOnlyDictionary<string, JsonObject>> PredictJsonAsync(
        IReadOnlyCollection<string> models, JsonElement row, CancellationToken cancellationToken)
    {
        var answers = await PredictAsync(models, JsonSerializer.SerializeToUtf8Bytes(row), isTyped: false, cancellationToken).ConfigureAwait(false);
        return answers.ToDictionary(answer => answer.Key, answer => JsonNode.Parse(answer.Value.Json)!.AsObject());
    }

    /// <summary>Models that are asked together are asked on the silo of the first one, so that what they have in common is computed once.</summary>
    private async Task<Dictionary<string, Prediction>> PredictAsync(
        IReadOnlyCollection<string> models, byte[] row, bool isTyped, CancellationToken cancellationToken)
    {
        var names = ModelNames.EachOnce(models);
        if (names.Length == 0)
            return [];

        RequireName(names[0]);
        var replica = replicas.Take(names[0]);
        try
        {
            var reply = await AskReplicaAsync(replica).ConfigureAwait(false);
            if (reply.Refusal is { Kind: nameof(PredictionQueueFullException) })
            {
                replica = replicas.TakeNext(names[0], replica);
                reply = await AskReplicaAsync(replica).ConfigureAwait(false);
            }
            return reply.Open();
        }
        finally
        {
            replicas.GiveBack(names[0], replica);
        }

        Task<Reply<Dictionary<string, Prediction>>> AskReplicaAsync(int number)
        {
            var grain = grains.GetGrain<IModelGrain>(number, names[0], null);
            var request = new RowRequest(Guid.NewGuid(), names, row, isTyped);
            return AskAsync(names[0], () => grain.PredictAsync(request, cancellationToken), cancellationToken);
        }
    }

    /// <summary>Asks until there is a reply. A prediction changes nothing, so one whose silo dies is asked for again.</summary>
    /// <exception cref="PTuningModelUnavailableException">No silo answers.</exception>
    private static async Task<T> AskAsync<T>(string model, Func<Task<T?>> ask, CancellationToken cancellationToken)
        where T : class
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                if (await ask().WaitAsync(cancellationToken).ConfigureAwait(false) is { } reply)
                    return reply;
                start = Stopwatch.GetTimestamp(); // It takes longer, on a silo that lives.
            }
            catch (Exception e) when (e is OrleansException or TimeoutException)
            {
                if (Stopwatch.GetElapsedTime(start) > s_patience)
                    throw new PTuningModelUnavailableException(model, $"No silo answers: {e.Message}");
                await Task.Delay(s_pause, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // Orleans refuses it as a key, and no file has it.
    private static void RequireName(string model)
    {
        if (string.IsNullOrWhiteSpace(model))
            throw new PTuningModelNotFoundException(model);
    }

    private async Task<PTuningModel[]> ListAsync(SiloAddress silo)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, silo); // Flows with the call of this method only.
        try
        {
            var list = await grains.GetGrain<IModelListGrain>(silo.ToParsableString()).ListAsync().ConfigureAwait(false);
            return JsonSerializer.Deserialize<PTuningModel[]>(list)!;
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            return []; // It has just died, and the others list the same files.
        }
    }

    // Each silo knows what it has tried itself.
    private static PTuningModel Merge(IEnumerable<PTuningModel> same)
    {
        PTuningModelState[] order = [PTuningModelState.Loaded, PTuningModelState.Loading, PTuningModelState.Broken, PTuningModelState.Listed];
        return same.MinBy(model => Array.IndexOf(order, model.State))!;
    }
}
