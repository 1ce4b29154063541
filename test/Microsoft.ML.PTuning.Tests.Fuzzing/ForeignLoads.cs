namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>Imports other programs' models, whose encoder lies in the same folder, and predicts.</summary>
internal static class ForeignLoads
{
    private static readonly MLContext s_context = new(1);

    public static void Peft(string folder, string variant)
    {
        using var model = PTuningV2Transformer.ImportPeft(s_context, folder, Options(folder));
        ModelLoads.Predict(model);
    }

    public static void AdapterHub(string folder, string variant)
    {
        using var model = PTuningV2Transformer.ImportAdapterHub(s_context, folder, Options(folder));
        ModelLoads.Predict(model);
    }

    private static PTuningV2Trainer.MulticlassOptions Options(string folder) => new() { Sentence1ColumnName = "Text", Backbone = folder, MaxLength = 8 };
}
