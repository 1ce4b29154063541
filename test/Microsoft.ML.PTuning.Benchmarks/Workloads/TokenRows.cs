using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Labelled rows of random tokens, where texts and their tokenizing do not matter; the same in every run.</summary>
internal static class TokenRows
{
    private const int FirstToken = 5; // Special tokens stand before it.

    /// <summary>Rows of lengths as those of real texts: 40 tokens on average, 128 at most.</summary>
    public static IReadOnlyList<Example> Lognormal(int count, int vocabularySize)
    {
        var random = new Random(1);
        return Of(new LengthDistribution(Mean: 40).Spread(count, random), vocabularySize, random);
    }

    /// <summary>Rows of one length.</summary>
    public static IReadOnlyList<Example> OfLength(int count, int length, int vocabularySize) =>
        Of(Enumerable.Repeat(length, count), vocabularySize, new Random(1));

    private static IReadOnlyList<Example> Of(IEnumerable<int> lengths, int vocabularySize, Random random) =>
    [
        .. lengths.Select((length, row) =>
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(FirstToken, vocabularySize))];
            return new Example([new ExamplePart([new EncodedRow(ids, new int[length])], [row % 2])], IsTruncated: false);
        }),
    ];
}
