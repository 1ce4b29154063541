using System.Diagnostics;

namespace Microsoft.ML.PTuning.Serving.Diagnostics;

/// <summary>Traces of predictions and loads. Without a listener they cost nothing.</summary>
internal static class ServingActivities
{
    /// <summary>Name of the source: that of the assembly.</summary>
    public const string SourceName = "Microsoft.ML.PTuning.Serving";

    private const string ModelTag = "ptuning.model.name";

    private static readonly ActivitySource Source = new(SourceName, typeof(ServingActivities).Assembly.GetName().Version?.ToString(3));

    /// <summary>Loading a model, waits for other loads not included.</summary>
    public static Activity? StartLoad(string model) => Source.StartActivity("ptuning.load")?.SetTag(ModelTag, model);

    /// <summary>A row, from the call to its answer, with the wait for a model that is being loaded.</summary>
    public static Activity? StartPredict(IEnumerable<string> models)
    {
        var activity = Source.StartActivity("ptuning.predict");
        return activity?.SetTag(ModelTag, string.Join(',', models));
    }
}
