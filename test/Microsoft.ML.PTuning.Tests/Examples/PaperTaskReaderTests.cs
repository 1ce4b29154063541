using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class PaperTaskReaderTests
{
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void Rte_is_read_from_SuperGLUE()
    {
        string file = _folder.Write("train.jsonl", """{"premise": "It \"rains\".", "hypothesis": "It is wet.", "label": "entailment", "idx": 0}""");

        CollectionAssert.AreEqual(new[] { new Example("It \"rains\".", "It is wet.", "entailment", 1) }, Read("rte", file));
    }

    [TestMethod]
    public void BoolQ_asks_the_question_of_the_passage_and_answers_true_or_false()
    {
        string file = _folder.Write("train.jsonl", """{"question": "is it", "passage": "It is.", "idx": 0, "label": true}""");

        CollectionAssert.AreEqual(new[] { new Example("is it", "It is.", "true", 1) }, Read("boolq", file));
    }

    [TestMethod]
    public void A_row_without_a_label_is_refused_by_file_and_line()
    {
        string file = _folder.Write("train.jsonl", """
            {"premise": "a", "hypothesis": "b", "label": "neutral"}
            {"premise": "a", "hypothesis": "b"}
            """);

        AssertRefused("cb", file, "line 2", "'label'");
    }

    [TestMethod]
    public void A_line_that_is_no_JSON_is_refused_by_file_and_line()
    {
        AssertRefused("cb", _folder.Write("train.jsonl", "premise\thypothesis"), "line 1", "JSON object");
    }

    [TestMethod]
    public void GLUE_files_keep_quotation_marks_and_find_columns_by_name()
    {
        string file = _folder.Write("train.tsv", "index\tsentence1\tsentence2\tlabel\n0\t\"Quoted, she said.\tHe said \"no\"\tnot_entailment\n");

        CollectionAssert.AreEqual(new[] { new Example("\"Quoted, she said.", "He said \"no\"", "not_entailment", 2) }, Read("rte", file));
    }

    [TestMethod]
    public void A_GLUE_file_of_another_task_is_refused_with_its_columns()
    {
        AssertRefused("sst2", _folder.Write("train.tsv", "question\tlabel\nis it\t1\n"), "line 1", "'sentence'", "question, label");
    }

    [TestMethod]
    public void Mrpc_is_read_from_the_file_that_Microsoft_published()
    {
        string file = _folder.Write("msr_paraphrase_train.txt", "\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t70\t71\tOne.\tThe same.\r\n");

        CollectionAssert.AreEqual(new[] { new Example("One.", "The same.", "1", 2) }, Read("mrpc", file));
    }

    [TestMethod]
    public void The_STS_benchmark_has_no_header_and_may_carry_further_columns()
    {
        string file = _folder.Write("sts-train.csv", "main\tMSRvid\t2012\t0001\t5.000\tA plane.\tAn air plane.\tlicence\tsource\n");

        CollectionAssert.AreEqual(new[] { new Example("A plane.", "An air plane.", "5.000", 1) }, Read("stsb", file));
    }

    [TestMethod]
    public void A_line_with_too_few_columns_is_refused_by_file_and_line()
    {
        AssertRefused("stsb", _folder.Write("sts-train.csv", "main\tMSRvid\t2012\t0001\t5.000\tA plane.\n"), "line 1", "at least 7 columns, found 6");
    }

    [TestMethod]
    public void AG_News_joins_title_and_description_and_names_the_class()
    {
        string file = _folder.Write("train.csv", "\"3\",\"Oil, up\",\"They said \"\"buy\"\", and left.\"\n");

        CollectionAssert.AreEqual(new[] { new Example("Oil, up They said \"buy\", and left.", null, "Business", 1) }, Read("agnews", file));
    }

    [TestMethod]
    public void AG_News_is_also_read_from_description_and_label()
    {
        CollectionAssert.AreEqual(new[] { new Example("A \"match\"", null, "Sports", 1) }, Read("agnews", _folder.Write("dev.tsv", "A \"match\"\tSports\n")));
    }

    [TestMethod]
    public void A_quotation_mark_left_open_is_refused_by_file_and_line()
    {
        AssertRefused("agnews", _folder.Write("train.csv", "\"1\",\"a\",\"b\"\n\"1\",\"a\",\"b\n"), "line 2", "not closed");
    }

    [TestMethod]
    public void A_plain_file_has_one_text_or_two_throughout()
    {
        CollectionAssert.AreEqual(new[] { new Example("a", null, "x", 1), new Example("b", null, "y", 3) }, Read("tsv", _folder.Write("one.tsv", "a\tx\n\nb\ty\n")));
        CollectionAssert.AreEqual(new[] { new Example("a", "b", "x", 1) }, Read("tsv", _folder.Write("two.tsv", "a\tb\tx\n")));
        AssertRefused("tsv", _folder.Write("mixed.tsv", "a\tx\na\tb\tx\n"), "line 2", "expected 2 columns");
    }

    [TestMethod]
    public void A_plain_file_may_have_a_header_and_its_label_in_another_column()
    {
        string file = _folder.Write("one.tsv", "Queue\tText\nx\ta\ny\tb\n");
        var reading = new Reading(HasHeader: true, LabelColumn: 0);

        CollectionAssert.AreEqual(new[] { new Example("a", null, "x", 2), new Example("b", null, "y", 3) }, Read("tsv", file, reading));
        CollectionAssert.AreEqual(
            new[] { new Example("a", "b", "x", 1) }, Read("tsv", _folder.Write("two.tsv", "a\tx\tb\n"), new Reading(LabelColumn: 1)));
    }

    [TestMethod]
    public void A_label_column_that_a_plain_file_lacks_is_refused()
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Read("tsv", _folder.Write("one.tsv", "a\tx\n"), new Reading(LabelColumn: 2)));

        StringAssert.Contains(refusal.Message, "one.tsv, line 1: expected the label in column 2, found 2 columns.");
    }

    [TestMethod]
    public void An_extension_that_the_task_does_not_have_is_refused()
    {
        AssertRefused("cb", _folder.Write("train.tsv", ""), ".jsonl");
    }

    [TestMethod]
    public void Published_names_come_before_others()
    {
        _folder.Write("sts-train.csv", "");
        _folder.Write("sts-dev.csv", "");
        _folder.Write("train.tsv", "");

        DataFiles files = DataFiles.Find(PaperTask.Named("stsb"), _folder.Path);

        Assert.AreEqual(new DataFiles(Path.Combine(_folder.Path, "sts-train.csv"), Path.Combine(_folder.Path, "sts-dev.csv")), files);
    }

    [TestMethod]
    public void Without_published_names_train_stands_beside_dev_or_val()
    {
        _folder.Write("train.jsonl", "");
        _folder.Write("dev.jsonl", "");

        Assert.AreEqual(Path.Combine(_folder.Path, "dev.jsonl"), DataFiles.Find(PaperTask.Named("cb"), _folder.Path).Dev);
    }

    [TestMethod]
    public void Rows_held_out_need_no_development_file()
    {
        string train = _folder.Write("train.tsv", "");

        Assert.AreEqual(new DataFiles(train, train), DataFiles.Find(PaperTask.Named("sst2"), _folder.Path, needsDev: false));
        Assert.ThrowsExactly<FileNotFoundException>(() => DataFiles.Find(PaperTask.Named("sst2"), _folder.Path));
    }

    [TestMethod]
    public void A_folder_without_the_files_is_refused_with_what_it_holds()
    {
        _folder.Write("test.tsv", "");

        var refusal = Assert.ThrowsExactly<FileNotFoundException>(() => DataFiles.Find(PaperTask.Named("agnews"), _folder.Path));

        StringAssert.Contains(refusal.Message, "train.csv or train.tsv");
        StringAssert.Contains(refusal.Message, "holds test.tsv");
    }

    [TestMethod]
    public void A_star_in_a_published_name_stands_for_any_text()
    {
        string train = _folder.Write("train-v1.1-part.json", ""), dev = _folder.Write("dev-v1.1-part.json", "");
        _folder.Write("train-v2.0.json", "");

        Assert.AreEqual(new DataFiles(train, dev), DataFiles.Find(AnswerTask.All[0], _folder.Path));
    }

    [TestMethod]
    public void Published_names_that_more_than_one_file_has_are_not_guessed_between()
    {
        foreach (string name in (string[])["train-v1.1-a.json", "train-v1.1-b.json", "dev-v1.1-a.json"])
            _folder.Write(name, "");

        var refusal = Assert.ThrowsExactly<FileNotFoundException>(() => DataFiles.Find(AnswerTask.All[0], _folder.Path));

        StringAssert.Contains(refusal.Message, "train-v1.1*.json beside dev-v1.1*.json");
        StringAssert.Contains(refusal.Message, "holds dev-v1.1-a.json, train-v1.1-a.json, train-v1.1-b.json");
    }

    private static Example[] Read(string task, string file, Reading? reading = null) =>
        [.. SentenceTask.All.Single(known => known.Name == task).Read(file, reading ?? Reading.Everything)];

    private static void AssertRefused(string task, string file, params string[] parts)
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Read(task, file));
        foreach (string part in (string[])[file, .. parts])
            StringAssert.Contains(refusal.Message, part);
    }
}
