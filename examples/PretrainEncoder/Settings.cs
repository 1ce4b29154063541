using PretrainEncoder.Models;

namespace PretrainEncoder;

/// <summary>What is trained, how, and where it goes.</summary>
/// <param name="Corpus">The folder of the corpus.</param>
/// <param name="Output">The folder to write.</param>
internal sealed record Settings(string Corpus, string Output)
{
    public required LanguageModel Model { get; init; }

    public int Layers { get; init; } = 4;

    public int Hidden { get; init; } = 256;

    public int Heads { get; init; } = 4;

    /// <summary>Rows of the position table.</summary>
    public int Positions { get; init; } = 512;

    /// <summary>Tokens that the model reads at once, special tokens included.</summary>
    public int Window { get; init; } = 128;

    /// <summary>Windows per step.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>The highest; it rises to that and falls to 0.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>How long to train; counts where <see cref="Steps"/> is null.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(60);

    /// <summary>How many steps to train; null for <see cref="Time"/>.</summary>
    public int? Steps { get; init; }

    public int Seed { get; init; } = 1;

    /// <summary>Whether the weights are written in F16.</summary>
    public bool HalfPrecision { get; init; }
}
