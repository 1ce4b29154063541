namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>One row of the table: how many times as fast one way of doing a thing is as another.</summary>
internal interface IBenchmark
{
    /// <summary>What the command line and the table call it: <c>transform-vs-prediction-engine</c>.</summary>
    string Name { get; }

    /// <summary>Prepares data and models, untimed, then measures with <see cref="PairedMeasurement"/>.</summary>
    /// <param name="threads">Threads that one operation may use.</param>
    Ratio Measure(int threads);
}
