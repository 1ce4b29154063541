namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>The use of a loaded model by a call: it is not unloaded before the lease is disposed.</summary>
internal sealed class ModelLease(ModelStore store, ModelVersion version) : IDisposable
{
    public string Name => version.Entry.Name;

    public LoadedModel Model => version.Model;

    public PTuningV2MultiTaskPredictor Predictor => version.Predictor;

    internal ModelVersion Version => version;

    /// <summary>Call it once.</summary>
    public void Dispose() => store.Release(version);
}
