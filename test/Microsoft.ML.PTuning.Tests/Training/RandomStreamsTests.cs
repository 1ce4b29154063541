using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
[TestCategory("Numeric")]
public sealed class RandomStreamsTests
{
    private static readonly RandomStream[] All = Enum.GetValues<RandomStream>();

    /// <summary>Outputs of the published generator (Vigna's splitmix64.c) seeded with 0, whose state grows by a constant.</summary>
    [TestMethod]
    [DataRow(0UL, 0xE220A8397B1DCDAFUL)]
    [DataRow(0x9E3779B97F4A7C15UL, 0x6E789E6AA1B965F4UL)]
    [DataRow(0x3C6EF372FE94F82AUL, 0x06C45D188009454FUL)]
    [DataRow(1234567UL, 6457827717110365317UL)]
    public void SplitMix64_is_the_published_generator(ulong state, ulong expected) => Assert.AreEqual(expected, RandomStreams.SplitMix64(state));

    [TestMethod]
    public void Streams_of_all_seeds_and_shards_have_seeds_of_their_own()
    {
        uint[] seeds =
        [
            .. from seed in Enumerable.Range(-500, 1000)
               from stream in All
               from index in Enumerable.Range(0, 4)
               select (uint)new RandomStreams(seed).SeedOf(stream, index), // What torch reads of them.
        ];

        // 16,000 of 2^32 numbers: by chance 0.03 of them would meet.
        Assert.IsLessThanOrEqualTo(1, seeds.Length - seeds.Distinct().Count());
    }

    [TestMethod]
    public void Same_seed_gives_the_same_numbers()
    {
        CollectionAssert.AreEqual(Draw(7, RandomStream.BatchOrder), Draw(7, RandomStream.BatchOrder));
        using Generator first = new RandomStreams(7).Generator(RandomStream.Dropout, 1), second = new RandomStreams(7).Generator(RandomStream.Dropout, 1);
        CollectionAssert.AreEqual(Normal(first, 10), Normal(second, 10));
    }

    [TestMethod]
    [DataRow(1, 1, nameof(RandomStream.TaskDraw))]
    [DataRow(1, 2, nameof(RandomStream.BatchOrder))]
    [DataRow(1, -1, nameof(RandomStream.BatchOrder))]
    [DataRow(5, ~5, nameof(RandomStream.TaskDraw))]
    public void Other_stream_or_seed_gives_unrelated_numbers(int seed, int otherSeed, string otherStream)
    {
        var correlation = Correlation(Draw(seed, RandomStream.BatchOrder), Draw(otherSeed, Enum.Parse<RandomStream>(otherStream)));

        Assert.IsLessThan(5 / Math.Sqrt(1000), Math.Abs(correlation)); // Five standard deviations of unrelated numbers.
    }

    [TestMethod]
    public void Shards_drop_unrelated_elements()
    {
        var streams = new RandomStreams(1);
        using Generator first = streams.Generator(RandomStream.Dropout), second = streams.Generator(RandomStream.Dropout, 1);
        double[] a = Normal(first, 1000), b = Normal(second, 1000);

        Assert.IsLessThan(5 / Math.Sqrt(1000), Math.Abs(Correlation(a, b)));
        Assert.AreEqual(0, a.Average(), 5 / Math.Sqrt(1000));
        Assert.AreEqual(1, a.Average(x => x * x), 5 * Math.Sqrt(2.0 / 1000));
    }

    [TestMethod]
    public void Seeds_in_a_row_draw_evenly()
    {
        var first = Enumerable.Range(0, 2000).Select(seed => new RandomStreams(seed).Random(RandomStream.BatchOrder).Next(10)).ToArray();

        for (var digit = 0; digit < 10; digit++)
            Assert.AreEqual(200, first.Count(drawn => drawn == digit), 5 * Math.Sqrt(2000 * 0.1 * 0.9));
    }

    private static double[] Draw(int seed, RandomStream stream)
    {
        var random = new RandomStreams(seed).Random(stream);
        return [.. Enumerable.Range(0, 1000).Select(_ => random.NextDouble())];
    }

    private static double[] Normal(Generator generator, int count)
    {
        using var drawn = empty(count, ScalarType.Float64).normal_(0, 1, generator);
        return drawn.data<double>().ToArray();
    }

    private static double Correlation(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        return a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum()
            / Math.Sqrt(a.Sum(x => (x - meanA) * (x - meanA)) * b.Sum(y => (y - meanB) * (y - meanB)));
    }
}
