using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tasks;

[TestClass]
public sealed class AnswerExampleTests
{
    [TestMethod]
    public void Window_is_the_question_then_a_stretch_of_the_context()
    {
        var row = WordQuestions.Row("a b c d e f g h i j", "q r", maxLength: 10, overlap: 1); // Room for 10 - 3 - 2 = 5 tokens of the context.

        string[] expected = ["q r|a b c d e", "q r|e f g h i", "q r|i j"];
        CollectionAssert.AreEqual(expected, row.Parts.Select(part => Words(part.Sequences.Single().Ids)).ToArray());
    }

    [TestMethod]
    public void Segments_tell_question_and_context_apart() =>
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 1, 1, 1 }, WordQuestions.Row("a b", "q").Parts[0].Sequences[0].Segments);

    [TestMethod]
    public void Target_is_where_first_and_last_token_of_the_answer_stand() =>
        CollectionAssert.AreEqual(new float[] { 4, 5 }, WordQuestions.Row("a b c", "q", "b c").Parts[0].Target); // [CLS] q [SEP] a b c [SEP]

    [TestMethod]
    public void Window_without_the_whole_answer_points_at_the_first_token()
    {
        var row = WordQuestions.Row("a b c d e f g h i j", "q r", "e f", maxLength: 10, overlap: 1);

        float[][] expected = [[0, 0], [4, 5], [0, 0]]; // The first window ends with e.
        for (var window = 0; window < 3; window++)
            CollectionAssert.AreEqual(expected[window], row.Parts[window].Target, $"window {window}");
    }

    [TestMethod]
    public void Answer_in_the_overlap_is_learned_in_both_windows()
    {
        var row = WordQuestions.Row("a b c d e f g h", "q r", "e", maxLength: 10, overlap: 1);

        CollectionAssert.AreEqual(new float[] { 8, 4 }, row.Parts.Select(part => part.Target[0]).ToArray());
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(-1)]
    public void Row_without_an_answer_points_at_the_first_token(int index)
    {
        var row = WordQuestions.Row("a b c", "q", GoldAnswer.Of("", index));

        CollectionAssert.AreEqual(new float[] { 0, 0 }, row.Parts[0].Target);
        Assert.AreEqual("", row.Gold!.Text);
        Assert.IsFalse(row.IsMisaligned);
    }

    [TestMethod]
    [DataRow(-1, DisplayName = "not found")]
    [DataRow(0, DisplayName = "elsewhere")]
    [DataRow(99, DisplayName = "outside")]
    public void Answer_that_is_not_where_it_is_said_to_be_is_not_learned_but_kept_to_measure_by(int index)
    {
        var row = WordQuestions.Row("a b c", "q", GoldAnswer.Of("b", index));

        Assert.IsTrue(row.IsMisaligned);
        Assert.IsEmpty(row.Parts[0].Target);
        Assert.IsEmpty(row.Split());
        Assert.AreEqual("b", row.Gold!.Text);
        Assert.AreEqual(0, WordQuestions.Task.LossWeight(row.Parts));
    }

    [TestMethod]
    public void Row_of_several_windows_has_a_single_part_only_after_it_is_split()
    {
        var row = WordQuestions.Row("a b c d e f g h", "q r", "b", maxLength: 10, overlap: 1);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => row.SinglePart()).Message, $"found {row.Parts.Count} parts");
        CollectionAssert.AreEqual(row.Parts.ToArray(), row.Split().Select(window => window.SinglePart()).ToArray());
    }

    [TestMethod]
    public void Row_to_score_has_no_target() => Assert.IsEmpty(WordQuestions.Row("a b c").Parts[0].Target);

    [TestMethod]
    [DataRow("b", 3, DisplayName = "another place")]
    [DataRow("B", 2, DisplayName = "another case")]
    [DataRow("c d", 4, DisplayName = "beyond the end")]
    [DataRow("b", 99, DisplayName = "an index beyond the end")]
    [DataRow("b", int.MaxValue, DisplayName = "the largest index")]
    [DataRow(" ", 1, DisplayName = "nothing but a space")]
    public void Answer_that_is_not_where_it_is_said_to_be_is_misaligned(string answer, int index)
    {
        var row = WordQuestions.Row("a b c", "q", new GoldAnswer(answer, index));

        Assert.IsTrue(row.IsMisaligned);
        Assert.IsEmpty(row.Split());
        Assert.AreEqual(answer, row.Gold!.Text);
    }

    [TestMethod]
    public void Answer_longer_than_every_window_is_misaligned() =>
        Assert.IsTrue(WordQuestions.Row("a b c d e f g h", "q r", "a b c d e f", maxLength: 10, overlap: 1).IsMisaligned);

    [TestMethod]
    public void Answer_within_a_word_is_the_pieces_it_shares_characters_with()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "q", "foot", "##ball", "##er");

        var row = AnswerExample.Encode(folder.Load(), "q", "footballer", new GoldAnswer("tball", 3), 12, 2);

        CollectionAssert.AreEqual(new float[] { 3, 4 }, row.Parts[0].Target); // foot ##ball, without ##er.
    }

    [TestMethod]
    public void Spaces_around_an_answer_do_not_widen_it() =>
        CollectionAssert.AreEqual(new float[] { 4, 4 }, WordQuestions.Row("a b c", "q", " b ").Parts[0].Target);

    [TestMethod]
    public void Windows_are_learned_from_one_by_one()
    {
        var windows = WordQuestions.Row("a b c d e f g h", "q r", "b", maxLength: 10, overlap: 1).Split().Cast<AnswerExample>().ToArray();

        CollectionAssert.AreEqual(new[] { "b", "" }, windows.Select(w => w.Gold!.Text).ToArray());
        Assert.IsTrue(windows.All(w => w.Parts.Count == 1 && w.Windows.Length == 1));
    }

    [TestMethod]
    public void Long_question_is_cut_to_half_of_the_room_and_counted()
    {
        var row = WordQuestions.Row("a b c", "q r s t u v w x", maxLength: 12); // Room for 9.

        Assert.AreEqual("q r s t|a b c", Words(row.Parts[0].Sequences[0].Ids));
        Assert.IsTrue(row.IsTruncated);
    }

    [TestMethod]
    public void Question_has_64_tokens_at_most()
    {
        var row = WordQuestions.Row("a", string.Join(' ', Enumerable.Repeat("q", 100)), maxLength: 384);

        Assert.AreEqual(64 + 1 + 3, row.Parts[0].Length);
    }

    [TestMethod]
    public void Long_context_is_not_truncated() =>
        Assert.IsFalse(WordQuestions.Row(string.Join(' ', Enumerable.Repeat("a", 1000))).IsTruncated);

    [TestMethod]
    [DataRow("", "q", "q|")]
    [DataRow(" \n", "q", "q|")]
    [DataRow("a b", "", "|a b")]
    [DataRow("", "", "|")]
    public void Text_without_words_leaves_the_special_tokens(string context, string question, string expected) =>
        Assert.AreEqual(expected, Words(WordQuestions.Row(context, question).Parts.Single().Sequences.Single().Ids));

    // [CLS] and the last [SEP] left out, | for the one between the texts.
    private static string Words(int[] ids)
    {
        Assert.AreEqual(WordQuestions.Classification, ids[0]);
        Assert.AreEqual(WordQuestions.Separator, ids[^1]);
        var between = Array.IndexOf(ids, WordQuestions.Separator);
        return $"{Text(ids[1..between])}|{Text(ids[(between + 1)..^1])}";

        static string Text(int[] words) => string.Join(' ', words.Select(id => (char)('a' + id - WordQuestions.A)));
    }
}
