using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tasks;

[TestClass]
public sealed class AnswerWindowTests
{
    /// <summary>Tokens of the context, room, overlap.</summary>
    public static IEnumerable<object[]> Cuts =>
        from tokens in new[] { 0, 1, 7, 8, 9, 20, 101, 5000 }
        from room in new[] { 1, 2, 8, 317 }
        from overlap in new[] { 0, 1, 3, 7, 128 }
        where overlap < room
        select new object[] { tokens, room, overlap };

    [TestMethod]
    [DynamicData(nameof(Cuts))]
    public void Windows_overlap_and_reach_the_end(int tokens, int room, int overlap)
    {
        var windows = AnswerWindow.Cut(tokens, room, overlap);

        Assert.AreEqual(0, windows[0].Start);
        Assert.AreEqual(tokens, windows[^1].End);
        foreach (var (window, next) in windows.Zip(windows.Skip(1)))
        {
            Assert.AreEqual(room, window.Count);
            Assert.AreEqual(overlap, window.End - next.Start);
        }
        Assert.IsLessThanOrEqualTo(room, windows[^1].Count);
    }

    [TestMethod]
    [DynamicData(nameof(Cuts))]
    public void There_are_no_more_windows_than_it_takes(int tokens, int room, int overlap) =>
        Assert.HasCount(1 + (int)Math.Ceiling(Math.Max(0, tokens - room) / (double)(room - overlap)), AnswerWindow.Cut(tokens, room, overlap));

    [TestMethod]
    [DynamicData(nameof(Cuts))]
    public void Answer_starts_in_the_window_with_most_context(int tokens, int room, int overlap)
    {
        var windows = AnswerWindow.Cut(tokens, room, overlap);

        for (var token = 0; token < tokens; token++)
        {
            var expected = windows.Where(w => w.Contains(token)).MaxBy(w => MaxContext(w, token)); // The first of equals.
            var actual = windows.Single(w => token >= w.FirstAnswer && token < w.LastAnswer);
            Assert.AreEqual(expected, actual, $"token {token}");
        }
    }

    [TestMethod]
    public void Context_of_nothing_is_one_empty_window() =>
        CollectionAssert.AreEqual(new[] { new AnswerWindow(0, 0, 0, 0) }, AnswerWindow.Cut(0, 8, 3));

    // By hand: windows of tokens 0-4, 3-7, 6-8. Token 3 has 1 token beside it in the first and 0 in the second; token 4 has 0 and 1.
    [TestMethod]
    public void Nine_tokens_in_windows_of_five_that_share_two() =>
        CollectionAssert.AreEqual(
            new[] { new AnswerWindow(0, 5, 0, 4), new AnswerWindow(3, 8, 4, 7), new AnswerWindow(6, 9, 7, 9) }, AnswerWindow.Cut(9, 5, 2));

    // BERT's _check_is_max_context, in hundredths.
    private static int MaxContext(AnswerWindow window, int token) =>
        100 * Math.Min(token - window.Start, window.Start + window.Count - 1 - token) + window.Count;
}
