using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class SuperGlueReaderTests
{
    private const string Wic = """{"word": "note", "sentence1": "A high note.", "sentence2": "He left a note.", "idx": 0, "label": false}""";

    private const string Wsc = """{"text": "Ann told Eve  that she was late.", "idx": 0, "label": true, """
        + """ "target": {"span1_index": 0, "span1_text": "Ann", "span2_index": 4, "span2_text": "she"}}""";

    private const string MultiRc = """
        {"idx": 0, "passage": {"text": "Ann has a cat.", "questions": [
        {"question": "What has Ann?", "idx": 0, "answers": [{"text": "A cat", "idx": 0, "label": 1}, {"text": "A dog", "idx": 1, "label": 0}]},
        {"question": "Who has it?", "idx": 1, "answers": [{"text": "Ann", "idx": 2, "label": 1}]}]}}
        """;

    // The face is one code point and two of a string's characters: places behind it differ.
    private const string Record = """
        {"passage": {"text": "\ud83d\ude00 Zoe met Ann.\n@highlight\nAnn left",
        "entities": [{"start": 2, "end": 4}, {"start": 10, "end": 12}, {"start": 26, "end": 28}]},
        "qas": [{"query": "Then @placeholder left.", "idx": 0,
        "answers": [{"start": 10, "end": 12, "text": "Ann"}, {"start": 26, "end": 28, "text": "Ann"}]},
        {"query": "And @placeholder stayed.", "idx": 1, "answers": [{"start": 2, "end": 4, "text": "Zoe"}]}], "idx": 0}
        """;

    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void Wic_is_one_text_that_ends_in_the_question()
    {
        const string Text = "A high note. He left a note. Does note have the same meaning in both sentences?";

        Assert.AreEqual(new Example(Text, null, "false", 1), Read("wic", Wic).Single());
    }

    [TestMethod]
    public void Wic_in_its_second_wording_is_a_pair_that_begins_with_the_word()
    {
        Assert.AreEqual(new Example("note: A high note.", "note: He left a note.", "false", 1), Read("wic", Wic, template: 1).Single());
    }

    [TestMethod]
    public void Wsc_puts_the_pronoun_before_the_text()
    {
        Assert.AreEqual(new Example("she: Ann told Eve  that she was late.", "Ann", "true", 1), Read("wsc", Wsc).Single());
    }

    [TestMethod]
    public void Wsc_in_its_second_wording_stars_the_pronoun()
    {
        Assert.AreEqual(new Example("Ann told Eve that *she* was late.", "Ann", "true", 1), Read("wsc", Wsc, template: 1).Single());
    }

    [TestMethod]
    public void A_pronoun_outside_the_text_is_refused_by_file_and_line()
    {
        string row = Wsc.Replace("\"span2_index\": 4", "\"span2_index\": 7", StringComparison.Ordinal);

        AssertRefused("wsc", row, "line 1, target", "7 words", "found 7");
    }

    [TestMethod]
    public void MultiRC_asks_about_each_answer_in_the_light_of_the_paragraph()
    {
        Example[] rows = Read("multirc", OneLine(MultiRc));

        CollectionAssert.AreEqual(
            new[]
            {
                new Example("Ann has a cat.", "What has Ann? A cat", "1", 1),
                new Example("Ann has a cat.", "What has Ann? A dog", "0", 1),
                new Example("Ann has a cat.", "Who has it? Ann", "1", 1),
            },
            rows.Select(row => row with { Candidate = null }).ToArray());
    }

    [TestMethod]
    public void MultiRC_keeps_the_answers_of_a_question_together()
    {
        Candidate[] candidates = [.. Read("multirc", OneLine(MultiRc)).Select(row => row.Candidate!)];

        Assert.AreEqual(candidates[0].Question, candidates[1].Question);
        Assert.AreNotEqual(candidates[1].Question, candidates[2].Question);
        Assert.AreEqual("A cat", candidates[1].RightAnswers.Single());
    }

    [TestMethod]
    public void An_answer_without_a_judgement_is_refused_by_its_place()
    {
        string row = OneLine(MultiRc).Replace(", \"label\": 0", "", StringComparison.Ordinal);

        AssertRefused("multirc", row, "line 1, passage, questions[0], answers[1]", "'label'");
    }

    [TestMethod]
    public void ReCoRD_puts_each_entity_in_the_gap_once_and_counts_characters_as_the_file_does()
    {
        CollectionAssert.AreEqual(
            new[] { "Then Ann left.", "Then Zoe left.", "And Ann stayed.", "And Zoe stayed." },
            Read("record", OneLine(Record)).Select(row => row.Sentence2).ToArray());
    }

    [TestMethod]
    public void ReCoRD_labels_the_entities_that_are_answers()
    {
        CollectionAssert.AreEqual(new[] { "1", "0", "0", "1" }, Read("record", OneLine(Record)).Select(row => row.Label).ToArray());
    }

    [TestMethod]
    public void ReCoRD_writes_highlights_as_a_list()
    {
        Assert.AreEqual("\U0001F600 Zoe met Ann.\n- Ann left", Read("record", OneLine(Record))[0].Sentence1);
    }

    [TestMethod]
    public void An_entity_outside_the_passage_is_refused_by_its_place()
    {
        string row = OneLine(Record).Replace("\"end\": 28}]}", "\"end\": 34}]}", StringComparison.Ordinal);

        AssertRefused("record", row, "line 1, passage, entities[2]", "26 to 34");
    }

    [TestMethod]
    public void A_limit_counts_questions_where_several_rows_answer_one()
    {
        string file = _folder.Write("train.jsonl", OneLine(Record));

        var data = (SentenceData)PaperTask.Named("record").Read(new DataFiles(file, file), new Reading(Limit: 1));

        Assert.AreEqual((2, 4), (data.TrainRows, data.DevRows));
    }

    [TestMethod]
    public void Copa_continues_the_premise_towards_its_choices()
    {
        string file = _folder.Write("train.jsonl", """
            {"premise": "It rained.", "choice1": "The street got wet.", "choice2": "The sun shone.", "question": "effect", "label": 0, "idx": 0}
            {"premise": "Ann sneezed.", "choice1": "She slept.", "choice2": "She had a cold.", "question": "cause", "label": 1, "idx": 1}
            """);

        ChoiceQuestion[] rows = [.. ChoiceTask.All.Single().Read(file, Reading.Everything)];

        Assert.AreEqual(("It rained. so", 0, 1), (rows[0].Premise, rows[0].Right, rows[0].Line));
        Assert.AreEqual(("Ann sneezed. because", 1, 2), (rows[1].Premise, rows[1].Right, rows[1].Line));
        CollectionAssert.AreEqual(new[] { "She slept.", "She had a cold." }, rows[1].Choices.ToArray());
    }

    [TestMethod]
    public void Copa_without_a_label_is_refused_by_file_and_line()
    {
        string file = _folder.Write("test.jsonl", """{"premise": "It rained.", "choice1": "a", "choice2": "b", "question": "effect", "idx": 0}""");

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => ChoiceTask.All.Single().Read(file, Reading.Everything).ToList());

        StringAssert.Contains(refusal.Message, $"{file}, line 1: the field 'label' is missing");
    }

    private static string OneLine(string json) => json.ReplaceLineEndings(" ");

    private Example[] Read(string task, string text, int template = 0) =>
        [.. SentenceTask.All.Single(known => known.Name == task).Read(_folder.Write("train.jsonl", text), new Reading(template))];

    private void AssertRefused(string task, string text, params string[] parts)
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Read(task, text, template: 1));
        foreach (string part in parts)
            StringAssert.Contains(refusal.Message, part);
    }
}
