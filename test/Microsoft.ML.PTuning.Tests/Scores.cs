namespace Microsoft.ML.PTuning.Tests;

/// <summary>Scores of tickets, read and compared.</summary>
internal static class Scores
{
    public static IReadOnlyList<TopicScores> Read(MLContext mlContext, IDataView scored) =>
        [.. mlContext.Data.CreateEnumerable<TopicScores>(scored, reuseRowObject: false)];

    public static void AssertEqual(IReadOnlyList<TopicScores> expected, IReadOnlyList<TopicScores> actual, float tolerance = 0)
    {
        Assert.HasCount(expected.Count, actual);
        for (var row = 0; row < expected.Count; row++)
        {
            Assert.HasCount(expected[row].Score.Length, actual[row].Score);
            for (var slot = 0; slot < expected[row].Score.Length; slot++)
                Assert.AreEqual(expected[row].Score[slot], actual[row].Score[slot], tolerance, $"row {row}, slot {slot}");
        }
    }
}
