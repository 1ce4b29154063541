namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>A saved model in a temporary file.</summary>
internal sealed class SavedModel : IDisposable
{
    private static readonly TextRow Row = new() { Sentence1 = string.Join(' ', Enumerable.Repeat("a long story that seems dull", 6)) };

    /// <param name="encoder">The encoder's folder; null for the default encoder.</param>
    public SavedModel(string? encoder)
    {
        using var model = new UntrainedModel(encoder);
        using var transformer = model.ToTransformer();
        using var file = File.Create(Path);
        transformer.SaveTo(file);
    }

    public string Path { get; } = System.IO.Path.GetTempFileName();

    public static PTuningV2Transformer Load(MLContext context, string path)
    {
        using var file = File.OpenRead(path);
        return PTuningV2Transformer.LoadFrom(context, file);
    }

    /// <summary>Predicts a row, as an application does that has one.</summary>
    public static void Predict(MLContext context, PTuningV2Transformer model)
    {
        using var engine = context.Model.CreatePredictionEngine<TextRow, Prediction>(model, new PredictionEngineOptions { OwnsTransformer = false });
        _ = engine.Predict(Row).Score;
    }

    public void Dispose() => File.Delete(Path);

    private sealed class Prediction
    {
        public float Score { get; set; }
    }
}
