using System.Collections;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Tasks for training several together on a tiny encoder.</summary>
internal static class TinyTasks
{
    /// <summary>Early or late in the alphabet, by class.</summary>
    public static PTuningV2MultiTaskData Topics(this TinyTraining training, LabelledText[] rows, LabelledText[]? validation = null)
    {
        var data = training.Context.Data.LoadFromEnumerable(rows);
        var keys = training.Context.Transforms.Conversion.MapValueToKey("Label").Fit(data);
        var task = training.Options.TaskAs<PTuningV2Trainer.MulticlassOptions>();
        task.ValidationSet = validation is null ? null : keys.Transform(training.Context.Data.LoadFromEnumerable(validation));
        return new(task, keys.Transform(data));
    }

    /// <summary>Early or late in the alphabet, by number.</summary>
    public static PTuningV2MultiTaskData Rated(this TinyTraining training, int rows, bool validated = false)
    {
        var task = training.Options.TaskAs<PTuningV2Trainer.RegressionOptions>();
        task.ValidationSet = validated ? training.Context.Data.LoadFromEnumerable(TinyTraining.Ratings(rows / 2)) : null;
        return new(task, training.Context.Data.LoadFromEnumerable(TinyTraining.Ratings(rows)));
    }
}

/// <summary>Models by task, disposed of together.</summary>
internal sealed class Models(IReadOnlyDictionary<string, PTuningV2Transformer> models)
    : IEnumerable<KeyValuePair<string, PTuningV2Transformer>>, IDisposable
{
    public IEnumerable<PTuningV2Transformer> Values => models.Values;

    public PTuningV2Transformer this[string task] => models[task];

    public IEnumerator<KeyValuePair<string, PTuningV2Transformer>> GetEnumerator() => models.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        foreach (var model in models.Values)
            model.Dispose();
    }
}
