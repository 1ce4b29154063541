using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.Serving.Diagnostics;
using Microsoft.ML.PTuning.Serving.Rows;

namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>Predicts with the models of the store.</summary>
internal sealed class FolderPredictor(ModelStore store, IOptions<PTuningModelsOptions> options) : IPTuningPredictor
{
    public Task<IReadOnlyList<PTuningModel>> ListModelsAsync(CancellationToken cancellationToken) => Task.FromResult(store.List());

    public Task<PTuningModelDescription> DescribeAsync(string model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        return WithLeasesAsync([model], leases => Task.FromResult(leases[0].Model.Description), cancellationToken);
    }

    public Task<TPrediction> PredictAsync<TRow, TPrediction>(string model, TRow row, CancellationToken cancellationToken)
        where TRow : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(row);
        return TracedAsync([model], () => WithLeasesAsync(
            [model], leases => leases[0].Predictor.PredictAsync<TRow, TPrediction>(model, row, cancellationToken), cancellationToken));
    }

    public Task<IReadOnlyDictionary<string, TPrediction>> PredictAllAsync<TRow, TPrediction>(
        IReadOnlyCollection<string> models, TRow row, CancellationToken cancellationToken)
        where TRow : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(row);
        var names = ModelNames.EachOnce(models);
        return TracedAsync(names, () => WithLeasesAsync(
            names,
            leases => MergeAsync(leases
                .GroupBy(lease => lease.Predictor)
                .Select(same => same.Key.PredictAllAsync<TRow, TPrediction>([.. same.Select(lease => lease.Name)], row, cancellationToken))),
            cancellationToken));
    }

    public Task<IReadOnlyDictionary<string, JsonObject>> PredictJsonAsync(
        IReadOnlyCollection<string> models, JsonElement row, CancellationToken cancellationToken) =>
        PredictJsonAsync(models, row, isTyped: false, (columns, answer) => columns.Writer.Write(answer), cancellationToken);

    /// <summary>As the public one, with another form of answers.</summary>
    /// <param name="isTyped">Whether the row was an object of the application's: it may be of any length, and have properties that no model knows.</param>
    /// <param name="read">Reads the row of a prediction.</param>
    public Task<IReadOnlyDictionary<string, T>> PredictJsonAsync<T>(
        IReadOnlyCollection<string> models, JsonElement row, bool isTyped, Func<ModelColumns, DataViewRow, T> read, CancellationToken cancellationToken)
    {
        var names = ModelNames.EachOnce(models);
        return TracedAsync(names, () => PredictUnchangedAsync(names, row, isTyped, read, cancellationToken));
    }

    /// <summary>Predicts again if a model was replaced under way: the row must be read, and its answer be written, by the columns of one version.</summary>
    private async Task<IReadOnlyDictionary<string, T>> PredictUnchangedAsync<T>(
        string[] names, JsonElement row, bool isTyped, Func<ModelColumns, DataViewRow, T> read, CancellationToken cancellationToken)
    {
        if (!isTyped)
            RowLength.Check(row, options.Value.MaxRowCharacters);
        while (true)
        {
            var answers = await WithLeasesAsync(
                names,
                async leases =>
                {
                    try
                    {
                        var predicted = await PredictJsonAsync(leases, row, isTyped, read, cancellationToken).ConfigureAwait(false);
                        return store.AnyReplaced(leases) ? null : predicted;
                    }
                    catch (Exception e) when (e is not OperationCanceledException && store.AnyReplaced(leases))
                    {
                        return null;
                    }
                },
                cancellationToken).ConfigureAwait(false);
            if (answers is not null)
                return answers;
        }
    }

    // Models with the same encoder and columns are asked with one call, so that what they have in common is computed once.
    private static Task<IReadOnlyDictionary<string, T>> PredictJsonAsync<T>(
        ModelLease[] leases, JsonElement json, bool isTyped, Func<ModelColumns, DataViewRow, T> read, CancellationToken cancellationToken)
    {
        RowColumns[] columns = [.. leases.Select(lease => lease.Model.Columns.Row).Distinct()];
        var rows = columns.ToDictionary(
            own => own, own => own.Read(json, property => isTyped || columns.Any(other => other != own && other.Knows(property))));
        var byName = leases.ToDictionary(lease => lease.Name, lease => lease.Model.Columns);
        return MergeAsync(leases
            .GroupBy(lease => (lease.Predictor, lease.Model.Columns.Row))
            .Select(same => same.Key.Predictor.PredictRowAsync(
                [.. same.Select(lease => lease.Name)], rows[same.Key.Row], (name, answer) => read(byName[name], answer), cancellationToken)));
    }

    private static async Task<IReadOnlyDictionary<string, T>> MergeAsync<T>(IEnumerable<Task<IReadOnlyDictionary<string, T>>> parts)
    {
        var answers = await Task.WhenAll(parts).ConfigureAwait(false);
        return answers.Length == 1 ? answers[0] : answers.SelectMany(part => part).ToDictionary(answer => answer.Key, answer => answer.Value);
    }

    private async Task<T> WithLeasesAsync<T>(string[] names, Func<ModelLease[], Task<T>> use, CancellationToken cancellationToken)
    {
        var leases = new List<ModelLease>(names.Length);
        try
        {
            foreach (var name in names)
                leases.Add(await store.LeaseAsync(name, cancellationToken).ConfigureAwait(false));
            return await use([.. leases]).ConfigureAwait(false);
        }
        finally
        {
            leases.ForEach(lease => lease.Dispose());
        }
    }

    private static async Task<T> TracedAsync<T>(string[] names, Func<Task<T>> predict)
    {
        using var activity = ServingActivities.StartPredict(names);
        try
        {
            return await predict().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            activity?.SetTag("error.type", e.GetType().FullName).SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
    }
}
