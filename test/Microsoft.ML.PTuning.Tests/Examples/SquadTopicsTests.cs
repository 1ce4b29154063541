using System.Text.Json;
using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class SquadTopicsTests
{
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void Questions_are_labelled_with_their_articles_and_split_once()
    {
        string file = Write(questions: 70);

        SentenceData data = Read(file), again = Read(file);

        Assert.AreEqual((480, 8 * 70 - 480), (data.TrainRows, data.DevRows));
        Assert.IsTrue(data.Train.Concat(data.Dev).All(row => row.Sentence1.StartsWith($"{row.Label} ", StringComparison.Ordinal)));
        Assert.HasCount(8 * 70, data.Train.Concat(data.Dev).Select(row => row.Sentence1).Distinct());
        CollectionAssert.AreEqual(data.Train.ToArray(), again.Train.ToArray());
    }

    [TestMethod]
    public void The_articles_with_most_questions_are_the_classes() =>
        CollectionAssert.AreEqual(Enumerable.Range(1, 8).Select(i => $"topic{i}").ToArray(), Read(Write(questions: 70)).Labels.ToArray());

    [TestMethod]
    public void Fewer_questions_than_are_trained_with_are_refused()
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Read(Write(questions: 10)));

        StringAssert.Contains(refusal.Message, "train-v1.1.json: expected more than 480 questions in 8 articles, found 80.");
    }

    // topic0 has one question less than the eight others have.
    private string Write(int questions)
    {
        var articles = Enumerable.Range(0, 9).Select(i => new
        {
            title = $"topic{i}",
            paragraphs = Enumerable.Range(i == 0 ? 1 : 0, i == 0 ? questions - 1 : questions).Select(q => new { qas = new[] { new { question = $"topic{i} {q}?" } } }),
        });
        return _folder.Write("train-v1.1.json", JsonSerializer.Serialize(new { data = articles }));
    }

    private static SentenceData Read(string file) =>
        (SentenceData)PaperTask.Named("squad-topics").Read(new DataFiles(file, file), Reading.Everything);
}
