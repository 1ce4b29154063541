namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>One row of the table: two things compared.</summary>
internal interface IBenchmark
{
    /// <summary>What the command line and the table call it: <c>transform-vs-prediction-engine</c>.</summary>
    string Name { get; }

    /// <summary>What is compared with what, in a line for <c>--list</c>.</summary>
    string Comparison { get; }

    /// <summary>What the number says.</summary>
    RatioKind Kind => RatioKind.SpeedUp;

    /// <summary>Why it cannot be measured on this machine; null where it can.</summary>
    string? Obstacle => null;

    /// <summary>Whether it runs only where it is asked for by name.</summary>
    bool OnlyByName => false;

    /// <summary>Prepares data and models, untimed, then measures with <see cref="PairedMeasurement"/>.</summary>
    /// <param name="threads">Threads that one operation may use.</param>
    Ratio Measure(int threads);
}
