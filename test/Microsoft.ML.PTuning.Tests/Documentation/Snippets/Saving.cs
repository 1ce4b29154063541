namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/saving.md.</summary>
internal static class Saving
{
    public static void Whole(MLContext mlContext, ITransformer model, DataViewSchema schema)
    {
        mlContext.Model.Save(model, schema, "tickets.zip.new");
        File.Move("tickets.zip.new", "tickets.zip", overwrite: true);
    }
}
