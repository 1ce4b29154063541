using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

[TestClass]
public sealed class TaggedSentenceReaderTests
{
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void Conll2003_has_the_word_first_the_tag_last_and_starts_of_documents_between()
    {
        TaggedSentence[] sentences = Read("ner", "eng.train", "-DOCSTART- -X- O O\n\nAnn NNP I-NP I-PER\nsaw VBD I-VP O\n\nRome NNP I-NP I-LOC\n\n");

        CollectionAssert.AreEqual(new[] { "Ann/I-PER saw/O", "Rome/I-LOC" }, sentences.Select(Show).ToArray());
        CollectionAssert.AreEqual(new[] { 3, 6 }, sentences.Select(sentence => sentence.Line).ToArray());
    }

    [TestMethod]
    public void The_last_sentence_of_a_file_without_a_final_empty_line_is_kept()
    {
        Assert.AreEqual("Rome/B-LOC", Show(Read("ner", "train.txt", "Ann B-PER\n\nRome B-LOC").Last()));
    }

    [TestMethod]
    public void Conll04_numbers_its_words_and_has_a_line_before_each_sentence()
    {
        const string Sentences = "#doc 12\n0\tAnn\tB-Peop\t['Live_In', 'N']\t[2]\n1\tin\tO\t['N']\t[1]\n2\tRome\tB-Loc\t['N']\t[2]\n"
            + "#doc 7\n0\tYes\tO\t['N']\t[0]\n";

        TaggedSentence[] sentences = Read("ner", "train.txt", Sentences);

        CollectionAssert.AreEqual(new[] { "Ann/B-Peop in/O Rome/B-Loc", "Yes/O" }, sentences.Select(Show).ToArray());
    }

    [TestMethod]
    public void Columns_of_other_files_are_named()
    {
        string file = _folder.Write("train.conll", "1\tO\tAnn\tNNP\n2\tB-LOC\tRome\tNNP\n");

        TaggedSentence sentence = Task("ner").Read(file, new Reading(TokenColumn: 2, LabelColumn: 1)).Single();

        Assert.AreEqual("Ann/O Rome/B-LOC", Show(sentence));
    }

    [TestMethod]
    public void A_column_that_holds_no_tags_is_refused_by_file_and_line()
    {
        AssertRefused("ner", "train.txt", "Ann B-PER\nsaw VBD\n", "train.txt, line 2", "found 'VBD'", "--label-column");
    }

    [TestMethod]
    public void A_word_without_a_tag_is_refused_by_file_and_line()
    {
        AssertRefused("ner", "train.txt", "Ann B-PER\n\nsaw\n", "train.txt, line 3", "found 1 columns");
    }

    [TestMethod]
    public void Tags_of_the_development_sentences_are_tags_too()
    {
        var files = new DataFiles(_folder.Write("train.txt", "Ann B-PER\n"), _folder.Write("dev.txt", "Rome B-LOC\nagain O\n"));

        var data = (TaggingData)Task("ner").Read(files, Reading.Everything);

        CollectionAssert.AreEqual(new[] { "B-LOC", "B-PER", "O" }, data.Tags.ToArray());
        Assert.IsFalse(data.HasPredicates);
    }

    [TestMethod]
    public void Each_frame_of_a_sentence_is_a_row()
    {
        TaggedSentence[] rows = Read("srl", "train.jsonl", """
            {"words": ["Dogs", "do"], "frames": []}
            {"words": ["Ann", "came", "and", "saw"], "frames": [
            """.Trim() + """
            {"pred": 1, "lemma": "come", "tags": ["B-ARG1", "B-V", "O", "O"]}, {"pred": 3, "lemma": "see", "tags": ["B-ARG0", "O", "O", "B-V"]}]}
            """);

        CollectionAssert.AreEqual(new[] { "Ann/B-ARG1 came/B-V and/O saw/O", "Ann/B-ARG0 came/O and/O saw/B-V" }, rows.Select(Show).ToArray());
        CollectionAssert.AreEqual(new int?[] { 1, 3 }, rows.Select(row => row.Predicate).ToArray());
    }

    [TestMethod]
    public void A_frame_that_tags_too_few_words_is_refused_by_its_place()
    {
        const string Row = """{"words": ["Ann", "came"], "frames": [{"pred": 1, "tags": ["B-ARG1"]}]}""";

        AssertRefused("srl", "train.jsonl", Row, "line 1, frames[0]", "2 words, found 1 tags");
    }

    [TestMethod]
    public void Lines_of_the_official_code_begin_with_the_predicate()
    {
        TaggedSentence row = Read("conll2005", "conll05.train.txt", "1 Ann came . ||| B-A1 B-V O\n").Single();

        Assert.AreEqual(("Ann/B-A1 came/B-V ./O", (int?)1), (Show(row), row.Predicate));
    }

    [TestMethod]
    public void A_predicate_outside_the_sentence_is_refused_by_file_and_line()
    {
        AssertRefused("conll2005", "conll05.train.txt", "0 Ann ||| O\n3 Ann came . ||| B-A1 B-V O\n", "line 2", "3 words, found the index 3");
    }

    [TestMethod]
    public void A_line_without_tags_is_refused_by_file_and_line()
    {
        AssertRefused("conll2012", "train.txt", "1 Ann came . ||| B-A1 B-V O\n1 Ann came .\n", "train.txt, line 2", "found no |||");
        AssertRefused("conll2012", "train.txt", "1 Ann came .\n", "train.txt", "found no |||");
    }

    [TestMethod]
    [DataRow("srl", "train.conll")]
    [DataRow("conll2005", "conll05.train.txt")]
    [DataRow("srl", "train-set")]
    public void Each_proposition_of_CoNLL_2005_is_a_row(string task, string file)
    {
        // Words, part of speech, chunk and clause brackets, predicate, two propositions; then a sentence without any.
        const string Text = """
            Ann     NNP (NP*)  (S*   -     (A1*    (A0*
            Smith   NNP (NP*)  *     -     *)      *)
            came    VBD (VP*)  *     come  (V*)    *
            and     CC  *      *     -     *       *
            saw     VBD (VP*)  *     see   *       (V*
            out     RP  *      *     -     *       *)
            Rome    NNP (NP*)  *S)   -     *       (A1*A1)

            Yes     UH  *      (S*S) -

            Dogs    NNS (NP*)  *     -     (A0*)
            do      VBP (VP*)  *     do    (V*)
            """;

        TaggedSentence[] rows = Read(task, file, Text);

        CollectionAssert.AreEqual(
            new[]
            {
                "Ann/B-A1 Smith/I-A1 came/B-V and/O saw/O out/O Rome/O",
                "Ann/B-A0 Smith/I-A0 came/O and/O saw/B-V out/I-V Rome/B-A1",
                "Dogs/B-A0 do/B-V",
            },
            rows.Select(Show).ToArray());
        CollectionAssert.AreEqual(new int?[] { 2, 4, 1 }, rows.Select(row => row.Predicate).ToArray());
        CollectionAssert.AreEqual(new[] { 1, 1, 11 }, rows.Select(row => row.Line).ToArray());
    }

    [TestMethod]
    public void Conll2012_has_its_words_in_the_fourth_column_and_coreference_in_the_last()
    {
        const string Text = """
            #begin document (bc/cctv/00/cctv_0000); part 000
            bc/cctv 0 0 #    NN  (TOP(S(NP*  -    -  - Speaker#1 (ORG*) (ARG0*  *      (12
            bc/cctv 0 1 Ann  NNP *)          -    -  - Speaker#1 *      *)      (ARG1*)  12)
            bc/cctv 0 2 came VBD (VP*)))     come 01 1 Speaker#1 *      (V*)    *      -
            bc/cctv 0 3 on   RP  *           go   02 1 Speaker#1 *      (C-V*)  (V*)   -
            #end document
            #begin document (bc/cctv/00/cctv_0000); part 001
            bc/cctv 1 0 Go   VB  (TOP(S(VP*) go   02 1 Speaker#1 *      (V*)    -
            bc/cctv 1 1 .    .   *))         -    -  - Speaker#1 *      *       -
            """;

        TaggedSentence[] rows = Read("conll2012", "train.v4_gold_conll", Text);

        CollectionAssert.AreEqual(
            new[] { "#/B-ARG0 Ann/I-ARG0 came/B-V on/B-C-V", "#/O Ann/B-ARG1 came/O on/B-V", "Go/B-V ./O" }, rows.Select(Show).ToArray());
        CollectionAssert.AreEqual(new[] { 2, 2, 8 }, rows.Select(row => row.Line).ToArray());
    }

    [TestMethod]
    public void Words_of_other_propositions_are_in_the_column_that_is_named()
    {
        string file = _folder.Write("train.conll", "\t0\tAnn\t-\t(A0*)\r\n\t1\tcame\tcome\t(V*)\r\n\r\n\t0\t-\tbe\t(V*)\r\n\t1\t-\t-\t*\r\n");

        TaggedSentence[] rows = [.. Task("srl").Read(file, new Reading(TokenColumn: 1))];

        CollectionAssert.AreEqual(new[] { "Ann/B-A0 came/B-V", "-/B-V -/O" }, rows.Select(Show).ToArray());
    }

    [TestMethod]
    [DataRow("Ann (A0*\ncame (V*)\n", "line 2", "column 1 opens '(V*)' within A0")]
    [DataRow("Ann A0\ncame (V*)\n", "line 1", "found 'A0'")]
    [DataRow("Ann *)\ncame (V*)\n", "line 1", "closes '*)', where nothing is open")]
    [DataRow("Ann (A0*A1)\ncame (V*)\n", "line 1", "closes '(A0*A1)', where A0 is open")]
    [DataRow("Ann *\ncame (V*\n", "line 2", "the bracket of V in column 1 is not closed")]
    [DataRow("Ann *\ncame come (V*)\n", "line 2", "expected 2 columns as in the sentence's first line, found 3")]
    public void A_broken_proposition_is_refused_by_file_and_line(string text, string place, string reason)
    {
        AssertRefused("srl", "train.conll", text, $"train.conll, {place}", reason);
    }

    [TestMethod]
    [DataRow("- *\ncome (V*)\n", "line 1", "Paste the file of words before that of props")]
    [DataRow("bc/cctv 0 0 Ann (A0*)\nbc/cctv 0 1 came (V*)\n", "line 1", "says 'bc/cctv' on every line, which is no word")]
    [DataRow("#begin document (a)\na 0 0 [WORD] (A0*)\na 0 1 [WORD] (V*)\n", "line 2", "the words are left out of this file")]
    [DataRow("Ann NNP\ncame VBD\n", "train.conll", "no column with a (V*")]
    public void A_file_of_propositions_without_words_or_words_without_propositions_is_refused(string text, string place, string reason)
    {
        AssertRefused("srl", "train.conll", text, place, reason);
    }

    [TestMethod]
    public void A_column_of_words_that_the_file_has_not_is_refused()
    {
        string file = _folder.Write("train.conll", "Ann (A0*)\ncame (V*)\n");

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Task("srl").Read(file, new Reading(TokenColumn: 2)).ToList());

        StringAssert.Contains(refusal.Message, "line 1: expected the words in column 2, found 2 columns");
    }

    [TestMethod]
    [DataRow("train.jsonl", """{"words": ["came"], "frames": [{"pred": 0, "tags": ["B-V"]}]}""")]
    [DataRow("train.txt", "0 came ||| B-V")]
    public void Columns_of_a_file_without_any_are_not_named(string name, string text)
    {
        string file = _folder.Write(name, text);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Task("srl").Read(file, new Reading(TokenColumn: 1)).ToList());

        StringAssert.Contains(refusal.Message, "this one has no columns");
    }

    private static TaggingTask Task(string name) => TaggingTask.All.Single(task => task.Name == name);

    private static string Show(TaggedSentence sentence) => string.Join(' ', sentence.Words.Zip(sentence.Tags, (word, tag) => $"{word}/{tag}"));

    private TaggedSentence[] Read(string task, string name, string text) => [.. Task(task).Read(_folder.Write(name, text), Reading.Everything)];

    private void AssertRefused(string task, string name, string text, params string[] parts)
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Read(task, name, text));
        foreach (string part in parts)
            StringAssert.Contains(refusal.Message, part);
    }
}
