using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Serving;
using Orleans.Runtime.Placement;

namespace Microsoft.ML.PTuning.Orleans.Serving;

/// <summary>Has the silos of a cluster predict. A row whose silo dies is asked for again.</summary>
internal sealed class ClusterPredictor(IGrainFactory grains, Replicas replicas) : IPTuningPredictor
{
    private const int MostTries = 10;

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
        var reply = await CallAsync(() => grains.GetGrain<IModelGrain>(0, model, null).DescribeAsync(), cancellationToken).ConfigureAwait(false);
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
        var answers = await PredictAsync(models, TypedRows.Write(row), asColumns: true, cancellationToken).ConfigureAwait(false);
        return answers.ToDictionary(answer => answer.Key, answer => TypedRows.Read<TPrediction>(answer.Value.Columns!));
    }

    public async Task<IReadOnlyDictionary<string, JsonObject>> PredictJsonAsync(
        IReadOnlyCollection<string> models, JsonElement row, CancellationToken cancellationToken)
    {
        var answers = await PredictAsync(models, JsonSerializer.SerializeToUtf8Bytes(row), asColumns: false, cancellationToken).ConfigureAwait(false);
        return answers.ToDictionary(answer => answer.Key, answer => JsonNode.Parse(answer.Value.Json)!.AsObject());
    }

    /// <summary>Models that are asked together are asked on the silo of the first one, so that what they have in common is computed once.</summary>
    private async Task<Dictionary<string, Prediction>> PredictAsync(
        IReadOnlyCollection<string> models, byte[] row, bool asColumns, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(models);
        string[] names = [.. models];
        if (names.Length == 0)
            return [];
        if (names.GroupBy(name => name).FirstOrDefault(same => same.Skip(1).Any()) is { } twice)
            throw new ArgumentException($"Model '{twice.Key}' is named twice. Name each model once.", nameof(models));

        var request = new RowRequest(Guid.NewGuid(), names, row, asColumns);
        var replica = replicas.Take(names[0]);
        try
        {
            while (true)
            {
                var grain = grains.GetGrain<IModelGrain>(replica, names[0], null);
                if (await CallAsync(() => grain.PredictAsync(request, cancellationToken), cancellationToken).ConfigureAwait(false) is { } reply)
                    return reply.Open();
            }
        }
        finally
        {
            replicas.GiveBack(names[0], replica);
        }
    }

    // A prediction changes nothing, so it may be asked for again.
    private static async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        for (var tried = 1; ; tried++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                return await call().ConfigureAwait(false);
            }
            catch (Exception e) when (e is OrleansException or TimeoutException && tried < MostTries)
            {
                await Task.Delay(s_pause, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<PTuningModel[]> ListAsync(SiloAddress silo)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, silo); // Flows with the call of this method only.
        try
        {
            return JsonSerializer.Deserialize<PTuningModel[]>(await grains.GetGrain<IModelListGrain>(silo.ToParsableString()).ListAsync().ConfigureAwait(false))!;
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            return []; // It has just died, and the others list the same files.
        }
    }

    // The silo where it is loaded knows most.
    private static PTuningModel Merge(IEnumerable<PTuningModel> same)
    {
        PTuningModelState[] order = [PTuningModelState.Loaded, PTuningModelState.Loading, PTuningModelState.Listed, PTuningModelState.Broken];
        return same.MinBy(model => Array.IndexOf(order, model.State))!;
    }
}
