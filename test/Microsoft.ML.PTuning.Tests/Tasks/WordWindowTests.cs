using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tasks;

[TestClass]
public sealed class WordWindowTests
{
    [TestMethod]
    [DataRow(new int[] { }, DisplayName = "no word")]
    [DataRow(new[] { 1, 2, 5 }, DisplayName = "as many tokens as there is room")]
    [DataRow(new[] { 0, 0, 0, 0 }, DisplayName = "no tokens")]
    public void Words_that_fit_are_one_window(int[] lengths) => AssertCovers(lengths, 8, new WordWindow(0, lengths.Length, 0, lengths.Length));

    [TestMethod]
    public void Windows_overlap_by_a_quarter_and_own_half_of_it_each() =>
        AssertCovers([.. Enumerable.Repeat(1, 250)], 100, new(0, 100, 0, 88), new(75, 175, 88, 163), new(150, 250, 163, 250));

    [TestMethod]
    [DataRow(8)]
    [DataRow(20)]
    public void Word_that_fills_the_room_is_a_window_of_its_own(int length) =>
        AssertCovers([3, length, 3], 8, new(0, 1, 0, 1), new(1, 2, 1, 2), new(2, 3, 2, 3));

    [TestMethod]
    public void Overlap_gives_way_to_a_long_word() => AssertCovers([1, 1, 1, 1, 8], 8, new(0, 4, 0, 4), new(4, 5, 4, 5));

    [TestMethod]
    public void Overlap_keeps_what_fits_beside_a_long_word() => AssertCovers([1, 1, 1, 1, 7], 8, new(0, 4, 0, 4), new(3, 5, 4, 5));

    [TestMethod]
    public void Words_without_tokens_take_no_room() => AssertCovers([1, 0, 1], 1, new(0, 2, 0, 2), new(1, 3, 2, 3));

    [TestMethod]
    public void Every_word_has_one_window_and_every_window_fits_and_goes_on()
    {
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var room = random.Next(1, 40);
            int[] lengths = [.. Enumerable.Range(0, random.Next(1, 120)).Select(_ => random.Next(random.Next(1, 12)))];

            var windows = WordWindow.Cover(lengths, room);

            Assert.AreEqual((0, lengths.Length), (windows[0].FirstOwned, windows[^1].EndOwned), $"seed {seed}");
            foreach (var (window, next) in windows.Zip(windows.Skip(1)))
            {
                Assert.AreEqual(window.EndOwned, next.FirstOwned, $"seed {seed}");
                Assert.IsTrue(next.Start > window.Start && next.End > window.End && next.Start <= window.End, $"seed {seed}");
                Assert.IsLessThanOrEqualTo(room / 4, lengths[next.Start..window.End].Sum(), $"seed {seed}");
            }
            foreach (var (start, end, firstOwned, endOwned) in windows)
            {
                Assert.IsTrue(start <= firstOwned && firstOwned < endOwned && endOwned <= end, $"seed {seed}");
                Assert.IsTrue(end == start + 1 || lengths[start..end].Sum() <= room, $"seed {seed}");
            }
        }
    }

    private static void AssertCovers(int[] lengths, int room, params WordWindow[] expected) =>
        CollectionAssert.AreEqual(expected, WordWindow.Cover(lengths, room).ToArray());
}
