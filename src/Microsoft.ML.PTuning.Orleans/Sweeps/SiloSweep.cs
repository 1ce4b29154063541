namespace Microsoft.ML.PTuning.Orleans.Sweeps;

/// <summary>A sweep that was registered under a name. It is made when its first trial comes.</summary>
internal sealed class SiloSweep(Func<Func<PTuningSweepPoint, CancellationToken, double>> create)
{
    private readonly Lazy<Func<PTuningSweepPoint, CancellationToken, double>> _measure = new(create);

    public double Measure(PTuningSweepPoint point, CancellationToken cancellationToken) => _measure.Value(point, cancellationToken);
}
