using Orleans.Runtime.Placement;

namespace Microsoft.ML.PTuning.Orleans.Placement;

/// <summary>Spreads calls over silos: each silo gets so many at a time. Orleans places the grain on the silo that is hinted at.</summary>
/// <remarks>One caller at a time.</remarks>
internal sealed class SiloSlots
{
    private readonly Dictionary<SiloAddress, int> _taken = [];

    /// <summary>Calls under way.</summary>
    public int Taken => _taken.Values.Sum();

    /// <returns>The silo with the most free slots, one of whose slots is taken now; null if none has any.</returns>
    public SiloAddress? TryTake(IEnumerable<SiloAddress> active, int slots)
    {
        var silo = active.Where(silo => _taken.GetValueOrDefault(silo) < slots).MinBy(silo => _taken.GetValueOrDefault(silo));
        if (silo is not null)
            _taken[silo] = _taken.GetValueOrDefault(silo) + 1;
        return silo;
    }

    public void GiveBack(SiloAddress silo)
    {
        if (--_taken[silo] == 0)
            _taken.Remove(silo);
    }

    /// <summary>Calls a grain that is placed on this silo, unless it is on another one already, or the silo has just died.</summary>
    public static async Task<T> CallAsync<T>(SiloAddress silo, Func<Task<T>> call)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, silo); // Flows with this call only: it is a local of the asynchronous method.
        return await call();
    }
}
