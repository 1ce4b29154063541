using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>Writes a pipeline's zip: whole, or not at all.</summary>
internal static class ModelFile
{
    public static void Save(MLContext mlContext, ITransformer pipeline, DataViewSchema schema, string path) =>
        WholeFile.Write(path, temporary => mlContext.Model.Save(pipeline, schema, temporary));
}
