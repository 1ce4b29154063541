using System.IO.Hashing;
using System.Text;
using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace Microsoft.ML.PTuning.Orleans.Placement;

/// <summary>
/// Places a model's grain on the silo that its name chooses (rendezvous hashing), and the next replica on the one that the name would choose next. So a
/// model is where it was, as long as that silo lives, and only the models of a silo that comes or goes move.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ReplicaPlacementAttribute() : PlacementAttribute(new ReplicaPlacement());

/// <inheritdoc cref="ReplicaPlacementAttribute"/>
[GenerateSerializer]
[Immutable]
internal sealed class ReplicaPlacement : PlacementStrategy;

/// <inheritdoc cref="ReplicaPlacementAttribute"/>
internal sealed class ReplicaDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var replica = target.GrainIdentity.GetIntegerKey(out var model);
        return Task.FromResult(Choose(model!.ToString()!, replica, context.GetCompatibleSilos(target)));
    }

    /// <summary>The silo of a replica. A silo that starts anew at its address gets its models back.</summary>
    public static SiloAddress Choose(string model, long replica, IReadOnlyCollection<SiloAddress> silos) => silos
        .OrderBy(silo => XxHash64.HashToUInt64(Encoding.UTF8.GetBytes($"{model}\0{silo.Endpoint}")))
        .ElementAt((int)(replica % silos.Count));
}
