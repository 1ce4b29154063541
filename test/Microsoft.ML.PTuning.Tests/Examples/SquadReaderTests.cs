using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class SquadReaderTests
{
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void All_answers_are_kept_and_the_first_is_learned()
    {
        TextQuestion question = Read("Ann lives in old Rome.", """{"id": "q", "question": "Where?", "answers": """
            + """[{"text": "Rome", "answer_start": 17}, {"text": "old Rome", "answer_start": 13}]}""");

        Assert.AreEqual(("Where?", "Ann lives in old Rome.", "Rome", 17, "q"),
            (question.Question, question.Context, question.TrainingAnswer, question.AnswerIndex, question.Id));
        CollectionAssert.AreEqual(new[] { "Rome", "old Rome" }, question.Answers.ToArray());
    }

    [TestMethod]
    public void An_impossible_question_has_no_answer()
    {
        TextQuestion question = Read("Ann lives in Rome.", """{"id": "q", "question": "When?", "is_impossible": true, "answers": [], """
            + """ "plausible_answers": [{"text": "Rome", "answer_start": 13}]}""");

        Assert.AreEqual(("", -1, 0), (question.TrainingAnswer, question.AnswerIndex, question.Answers.Count));
    }

    [TestMethod]
    public void A_start_counts_code_points_and_the_index_those_of_a_string()
    {
        TextQuestion question = Read("""\ud83d\ude00 Ann""", """{"id": "q", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 2}]}""");

        Assert.AreEqual(3, question.AnswerIndex);
    }

    [TestMethod]
    [DataRow(3, 4)]
    [DataRow(6, 4)]
    [DataRow(11, 9)]
    [DataRow(0, 0)]
    public void An_answer_beside_its_start_is_found_at_the_nearest_place(int start, int expected)
    {
        TextQuestion question = Read(
            "Ann Ann, Ann", $$"""{"id": "q", "question": "Who?", "answers": [{"text": "Ann", "answer_start": {{start}}}]}""");

        Assert.AreEqual(expected, question.AnswerIndex);
    }

    [TestMethod]
    public void An_answer_that_is_not_in_the_paragraph_stands_nowhere()
    {
        TextQuestion question = Read("Ann lives.", """{"id": "q7", "question": "Where?", "answers": [{"text": "Oslo", "answer_start": 13}]}""");

        Assert.AreEqual(("Oslo", -1), (question.TrainingAnswer, question.AnswerIndex));
    }

    [TestMethod]
    public void An_empty_answer_is_refused_by_file_and_question()
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(
            () => Read("Ann lives.", """{"id": "q7", "question": "Where?", "answers": [{"text": "", "answer_start": 3}]}"""));

        StringAssert.Contains(refusal.Message, "dev.json, question 'q7', answers[0]: expected the answer's text, found an empty one");
    }

    [TestMethod]
    public void Each_version_is_found_by_its_own_files()
    {
        foreach (string name in (string[])["train-v1.1.json", "dev-v1.1.json", "train-v2.0.json", "dev-v2.0.json"])
            _folder.Write(name, "{}");

        Assert.AreEqual("train-v1.1.json", Path.GetFileName(DataFiles.Find(PaperTask.Named("squad"), _folder.Path).Train));
        Assert.AreEqual("train-v2.0.json", Path.GetFileName(DataFiles.Find(PaperTask.Named("squad2"), _folder.Path).Train));
    }

    [TestMethod]
    public void Files_of_another_version_are_not_taken()
    {
        foreach (string name in (string[])["train-v1.1.json", "dev-v1.1.json"])
            _folder.Write(name, "{}");

        var refusal = Assert.ThrowsExactly<FileNotFoundException>(() => DataFiles.Find(PaperTask.Named("squad2"), _folder.Path));

        StringAssert.Contains(refusal.Message, "which holds dev-v1.1.json, train-v1.1.json. Name the files with --train and --dev.");
    }

    [TestMethod]
    public void A_file_of_another_shape_is_refused()
    {
        string file = _folder.Write("dev.json", """{"rows": []}""");

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => AnswerTask.All[0].Read(file, Reading.Everything).ToList());

        StringAssert.Contains(refusal.Message, "dev.json: the field 'data' is missing");
    }

    private TextQuestion Read(string context, string question)
    {
        string file = _folder.Write(
            "dev.json", $$"""{"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "{{context}}", "qas": [{{question}}]}]}]}""");
        return AnswerTask.All[0].Read(file, Reading.Everything).Single();
    }
}
