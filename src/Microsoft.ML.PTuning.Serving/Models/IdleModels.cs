namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>The loaded models that no call uses, in the order of their last use. Each operation takes constant time.</summary>
internal sealed class IdleModels
{
    private readonly LinkedList<ModelVersion> _usual = [];
    private readonly LinkedList<ModelVersion> _irreplaceable = []; // Their files hold broken newer versions, so they could not be loaded again.

    /// <summary>The one to unload next; null if all are used.</summary>
    public ModelVersion? Oldest => (_usual.First ?? _irreplaceable.First)?.Value;

    public void Add(ModelVersion version)
    {
        Remove(version);
        version.Place = (version.Entry.IsRefused ? _irreplaceable : _usual).AddLast(version);
    }

    public void Remove(ModelVersion version)
    {
        version.Place?.List!.Remove(version.Place);
        version.Place = null;
    }
}
