using TorchSharp;

namespace Microsoft.ML.PTuning.Training;

/// <summary>The purposes of random numbers in training. The members' values decide the random numbers of a seed, so they must not change.</summary>
internal enum RandomStream
{
    InitialValues = 1,
    BatchOrder = 2,
    TaskDraw = 3,
    Dropout = 4,
    EnsembleModel = 5,
    EnsembleDraw = 6,
    RangeTest = 7,
}

/// <summary>Independent streams of random numbers from one seed.</summary>
/// <remarks>
/// Each stream's seed is a hash of the seed, the stream and its index, so that streams differ from each other and from those of any other seed.
/// The hash is SplitMix64 (Steele et al. 2014), which turns consecutive numbers into unrelated ones.
/// </remarks>
internal sealed class RandomStreams(int seed)
{
    /// <summary>The seed of a stream.</summary>
    /// <param name="index">Which of several streams for the same purpose.</param>
    public ulong SeedOf(RandomStream stream, int index = 0) => SplitMix64(SplitMix64(SplitMix64((uint)seed) ^ (ulong)stream) ^ (uint)index);

    /// <inheritdoc cref="SeedOf"/>
    public Random Random(RandomStream stream) => new((int)(SeedOf(stream) >> 33));

    /// <inheritdoc cref="SeedOf"/>
    /// <returns>A generator of torch, which the caller disposes. It uses the lower 32 bits of the seed.</returns>
    public torch.Generator Generator(RandomStream stream, int index = 0) => new(SeedOf(stream, index));

    /// <summary>The state of a generator, for its <c>set_state</c>.</summary>
    public static byte[] StateOf(torch.Generator generator)
    {
        using var state = generator.get_state();
        return state.bytes.ToArray();
    }

    /// <summary>The number that follows a state of SplitMix64.</summary>
    internal static ulong SplitMix64(ulong state)
    {
        var bits = unchecked(state + 0x9E3779B97F4A7C15);
        bits = unchecked((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9);
        bits = unchecked((bits ^ (bits >> 27)) * 0x94D049BB133111EB);
        return bits ^ (bits >> 31);
    }
}
