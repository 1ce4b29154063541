using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>Reads published data sets, where they are at hand, and counts what their publishers counted.</summary>
[TestClass]
public sealed class PublishedDataTests
{
    [TestMethod]
    [DataRow("ner", "conll2003", 14_041, 3_250)]
    [DataRow("conll2003", "conll2003", 14_041, 3_250)]
    [DataRow("ner", "conll04", 910, 243)]
    [DataRow("srl", "srl_ewt", 12_491, 4_943)]
    public void Tagged_sentences_are_as_many_as_published(string task, string folder, int train, int dev)
    {
        AssertRows(TaggingTask.All.Single(known => known.Name == task), folder, train, dev);
    }

    [TestMethod]
    [DataRow("conll2003", "B-LOC B-MISC B-ORG I-LOC I-MISC I-ORG I-PER O")]
    [DataRow("conll04", "B-Loc B-Org B-Other B-Peop I-Loc I-Org I-Other I-Peop O")]
    public void The_tags_are_those_of_the_data_set(string folder, string tags)
    {
        TaggingTask task = TaggingTask.All[0];

        var data = (TaggingData)task.Read(DataFiles.Find(task, SharedFiles.RequireData(folder)), Reading.Everything);

        Assert.AreEqual(tags, string.Join(' ', data.Tags));
    }

    [TestMethod]
    public void Squad_has_as_many_questions_as_published()
    {
        AssertRows(AnswerTask.All[0], "squad", 13_330, 2_349);
    }

    [TestMethod]
    public void Every_training_answer_of_Squad_stands_where_its_index_says()
    {
        string file = Path.Combine(SharedFiles.RequireData("squad"), "train-v1.1-60articles.json");

        Assert.IsTrue(AnswerTask.All[0].Read(file, Reading.Everything).All(
            question => question.Context.AsSpan(question.AnswerIndex).StartsWith(question.TrainingAnswer, StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Squad_2_has_as_many_unanswerable_questions_as_published()
    {
        string file = DataFiles.Find(AnswerTask.All[1], SharedFiles.RequireData("squad")).Dev;

        TextQuestion[] questions = [.. AnswerTask.All[1].Read(file, Reading.Everything)];

        Assert.AreEqual((1_816, 954), (questions.Length, questions.Count(question => question.AnswerIndex < 0)));
    }

    [TestMethod]
    public void Copa_has_as_many_rows_as_published()
    {
        AssertRows(ChoiceTask.All.Single(), "superglue/COPA", 400, 100);
    }

    [TestMethod]
    [DataRow("boolq", "BoolQ", 0, 32)]
    [DataRow("cb", "CB", 0, 32)]
    [DataRow("rte", "RTE", 0, 32)]
    [DataRow("wic", "WiC", 0, 32)]
    [DataRow("wic", "WiC", 1, 32)]
    [DataRow("wsc", "WSC", 0, 32)]
    [DataRow("wsc", "WSC", 1, 32)]
    public void FewGLUE_has_32_rows_of_a_task(string task, string folder, int template, int rows)
    {
        AssertRows(PaperTask.Named(task), $"fewglue/{folder}", rows, rows, new Reading(template));
    }

    [TestMethod]
    [DataRow("multirc", "MultiRC")]
    [DataRow("record", "ReCoRD")]
    public void FewGLUE_has_32_questions_of_a_task_of_candidates(string task, string folder)
    {
        DataFiles files = DataFiles.Find(PaperTask.Named(task), SharedFiles.RequireData($"fewglue/{folder}"));

        var data = (SentenceData)PaperTask.Named(task).Read(files, Reading.Everything);

        Assert.AreEqual(32, data.Train.Select(row => row.Candidate!.Question).Distinct().Count());
    }

    private static void AssertRows(PaperTask task, string folder, int train, int dev, Reading? reading = null)
    {
        DataFiles files = DataFiles.Find(task, SharedFiles.RequireData(folder));

        TaskData data = task.Read(files, reading ?? Reading.Everything);

        Assert.AreEqual((train, dev), (data.TrainRows, data.DevRows));
    }
}
