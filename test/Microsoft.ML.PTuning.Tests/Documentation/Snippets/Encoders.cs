namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/encoders.md.</summary>
internal static class Encoders
{
    public static PTuningV2Trainer.MulticlassOptions Named() =>
        new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", Backbone = "encoders/bert-base-cased" }
        ;

    public static async Task Hub(MLContext mlContext, PTuningV2Trainer.MulticlassOptions options)
    {
        options.Backbone = "hf://google-bert/bert-base-cased@main";               // Fit downloads it,
        await mlContext.DownloadPTuningBackboneAsync("hf://google-bert/bert-base-cased"); // or this does, ahead.
    }

    public static void OnGpu()
    {
        var mlContext = new MLContext { GpuDeviceId = 0, FallbackToCpu = true };
        mlContext.SetPTuningPrecision(BackbonePrecision.BFloat16);
    }
}
