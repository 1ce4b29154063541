using Orleans.Runtime.Placement;

namespace Microsoft.ML.PTuning.Orleans.Placement;

/// <summary>Spreads work over silos: each silo gets so much at a time. Orleans places a grain on the silo that is hinted at.</summary>
/// <remarks>Safe for any number of threads.</remarks>
internal sealed class SiloSlots
{
    private readonly Dictionary<SiloAddress, int> _taken = [];

    /// <returns>The silo with the most free slots, one of whose slots is taken now; null if none has any.</returns>
    public SiloAddress? TryTake(IEnumerable<SiloAddress> active, int slots)
    {
        lock (_taken)
        {
            var silo = active.Where(silo => _taken.GetValueOrDefault(silo) < slots).MinBy(silo => _taken.GetValueOrDefault(silo));
            if (silo is not null)
                _taken[silo] = _taken.GetValueOrDefault(silo) + 1;
            return silo;
        }
    }

    public void GiveBack(SiloAddress silo)
    {
        lock (_taken)
        {
            if (--_taken[silo] == 0)
                _taken.Remove(silo);
        }
    }

    /// <summary>Asks a <see cref="WorkGrain{TReply}"/> until it replies. If it is on no silo, it is placed on this one, unless that has just died.</summary>
    public static async Task<TReply> AskAsync<TReply>(SiloAddress silo, Func<Task<TReply?>> ask)
        where TReply : class
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, silo); // Flows with the calls of this method only.
        while (true)
        {
            if (await ask() is { } reply)
                return reply;
        }
    }
}
