namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/encoders.md.</summary>
internal static class Encoders
{
    public static PTuningV2Trainer.MulticlassOptions Named() =>
        new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", Backbone = "models/bert-base-cased" }
        ;

    public static void OnGpu()
    {
        var mlContext = new MLContext { GpuDeviceId = 0, FallbackToCpu = true };
        mlContext.SetPTuningPrecision(BackbonePrecision.BFloat16);
    }
}
