using Microsoft.ML.PTuning.Serving.Rows;

namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>A version of a model in memory.</summary>
/// <param name="Whole">The pipeline with the model.</param>
/// <param name="EncoderDirectory">The folder of its encoder, which models with the same one share.</param>
/// <param name="Columns">How JSON becomes a row of it, and an answer JSON.</param>
/// <param name="Stamp">The file's version that it was read from.</param>
internal sealed record LoadedModel(
    ITransformer Whole, string EncoderDirectory, ModelColumns Columns, PTuningModelDescription Description, FileStamp Stamp) : IDisposable
{
    public long TensorBytes => Description.TensorBytes;

    /// <summary>Frees a model that no predictor has.</summary>
    public void Dispose()
    {
        foreach (var step in Steps(Whole).OfType<IDisposable>())
            step.Dispose();
    }

    public static IEnumerable<ITransformer> Steps(ITransformer transformer) =>
        transformer is IEnumerable<ITransformer> chain ? chain.SelectMany(Steps) : [transformer];
}
