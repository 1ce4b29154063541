using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>The metrics and traces that monitoring reads.</summary>
[TestClass]
public sealed class ServingDiagnosticsTests
{
    private static readonly ServedModels s_models = ServedModels.Shared;

    [TestMethod]
    public async Task Metrics_count_models_loads_and_bytes()
    {
        await using var application = await ServingApplication.StartAsync(null, ("a", s_models.Topics()), ("b", s_models.Topics()), ("c", s_models.Topics()));
        using var metrics = new CollectedMetrics(application);
        await File.WriteAllTextAsync(application.PathOf("d"), "broken");
        await ServingApplication.UntilAsync(() => application.Models.Count == 4, "the file is listed");

        await application.PredictAsync("a", "late");
        await application.PredictAsync("b", "late");
        (await application.Client.PostAsJsonAsync("/predict/d", new { Text = "late" })).Dispose();

        Assert.AreEqual(4, metrics.Observe("ptuning.models.listed"));
        Assert.AreEqual(2, metrics.Observe("ptuning.models.loaded"));
        Assert.AreEqual(2 * (await application.Predictor.DescribeAsync("a")).TensorBytes, metrics.Observe("ptuning.models.tensor.size"));
        CollectionAssert.AreEqual(new[] { null, null, "System.IO.InvalidDataException" }, metrics.Errors("ptuning.models.load.duration"));
    }

    [TestMethod]
    public async Task Traces_tell_predictions_and_loads()
    {
        var ended = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Microsoft.ML.PTuning.Serving",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        const string Name = "traced model";
        await using var application = await ServingApplication.StartAsync(null, (Name, s_models.Topics()));

        await application.PredictAsync(Name, "late");
        (await application.Client.PostAsJsonAsync($"/predict/{Name}", new { Txt = "late" })).Dispose();

        var traced = ended.Where(activity => (string?)activity.GetTagItem("ptuning.model.name") == Name).ToArray();
        CollectionAssert.AreEqual(new[] { "ptuning.load", "ptuning.predict", "ptuning.predict" }, traced.Select(activity => activity.OperationName).ToArray());
        CollectionAssert.AreEqual(
            new[] { ActivityStatusCode.Unset, ActivityStatusCode.Unset, ActivityStatusCode.Error }, traced.Select(activity => activity.Status).ToArray());
    }
}
