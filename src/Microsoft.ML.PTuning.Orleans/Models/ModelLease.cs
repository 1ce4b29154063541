using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Orleans.Models;

/// <summary>The use of a loaded model, which stays loaded until this is disposed.</summary>
internal sealed class ModelLease(LoadedModel model, Action<LoadedModel> giveBack) : IDisposable
{
    private Action<LoadedModel>? _giveBack = giveBack;

    public SavedPipeline Pipeline => model.Pipeline;

    /// <summary>Of the model's file, by which others see that they use the same.</summary>
    public string Sha256 => model.Sha256;

    public void Dispose() => Interlocked.Exchange(ref _giveBack, null)?.Invoke(model);
}
