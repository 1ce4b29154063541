using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Answers from logits that are made by hand.</summary>
[TestClass]
public sealed class AnswerSearchTests
{
    private static readonly QuestionAnswering Task = WordQuestions.Task;

    private static readonly AnswerExample Short = WordQuestions.Row("a b c d");

    // Windows of 8 tokens that share 2: a-h, g-l. h starts an answer in the first (0 tokens beside it; 1 in the second: there), g in the first.
    private static readonly AnswerExample Long = WordQuestions.Row("a b c d e f g h i j k l");

    [TestMethod]
    public void Answer_is_the_pair_with_the_highest_sum()
    {
        var prediction = Decode(Short, [(0, 1, 3), (0, 2, 2)], [(0, 2, 4)]);

        Assert.AreEqual("b c", prediction.BestText);
        Assert.AreEqual(2, prediction.Best.Start);
        Assert.AreEqual(7, prediction.Best.Score);
    }

    [TestMethod]
    public void Answer_is_cut_from_the_text_as_it_was_written() =>
        Assert.AreEqual("B \t C", Decode(WordQuestions.Row("a  B \t C, d"), [(0, 1, 3)], [(0, 2, 4)]).BestText);

    [TestMethod]
    public void Answers_stand_best_first()
    {
        var prediction = Decode(Short, [(0, 0, 5), (0, 2, 4)], [(0, 0, 5), (0, 3, 3)]);

        CollectionAssert.AreEqual(new[] { "a", "a b c d", "c d" }, Texts(prediction)); // 10, 8, 7.
        CollectionAssert.AreEqual(new[] { 0, 0, 4 }, prediction.Answers.Select(a => a.Start).ToArray());
    }

    [TestMethod]
    public void Answer_does_not_end_before_it_starts() =>
        Assert.AreEqual("c", Decode(Short, [(0, 2, 9)], [(0, 0, 9), (0, 2, 1)]).BestText);

    [TestMethod]
    public void Answer_has_no_more_tokens_than_allowed()
    {
        var task = Task with { MaxAnswerLength = 2 };

        Assert.AreEqual("c d", Decode(Short, [(0, 0, 9), (0, 2, 5)], [(0, 3, 9)], task).BestText);
        Assert.AreEqual("a b c d", Decode(Short, [(0, 0, 9), (0, 2, 5)], [(0, 3, 9)], task with { MaxAnswerLength = 4 }).BestText);
    }

    [TestMethod]
    public void Question_and_special_tokens_are_no_answer()
    {
        var logits = WordQuestions.Logits(Short, [(0, 1, 1)], [(0, 1, 1)]);
        logits[0][2 * 1] = logits[0][2 * 1 + 1] = 100; // The question.
        logits[0][2 * 2] = logits[0][2 * 2 + 1] = 100; // The separator.
        logits[0][^1] = logits[0][^2] = 100;           // The last one.

        Assert.AreEqual("b", Decode(Short, logits, Task).BestText);
    }

    [TestMethod]
    public void Of_equal_answers_the_first_stands_first()
    {
        var prediction = Decode(Short, [(0, 1, 1), (0, 3, 1)], [(0, 1, 1), (0, 3, 1)]);

        CollectionAssert.AreEqual(new[] { "b", "b c d", "d" }, Texts(prediction));
    }

    [TestMethod]
    public void Probabilities_are_a_softmax_over_all_candidates_and_none()
    {
        var prediction = Decode(WordQuestions.Row("a b"), [(0, 0, 1), (0, -1, 0.5f)], [(0, 1, 2)]); // a b 3, b 2, a 1, none 0.5.

        var sum = Math.Exp(3) + Math.Exp(2) + Math.Exp(1) + Math.Exp(0.5);
        CollectionAssert.AreEqual(new[] { "a b", "b", "a" }, Texts(prediction));
        foreach (var (expected, actual) in new[] { 3, 2, 1 }.Zip(prediction.Probabilities))
            Assert.AreEqual(Math.Exp(expected) / sum, actual, 1e-6);
    }

    [TestMethod]
    public void Only_the_n_best_are_considered()
    {
        var prediction = Decode(Short, [(0, 0, 9), (0, 2, 5)], [(0, 0, 9), (0, 2, 5)], Task with { NBest = 1, AllowsNoAnswer = false });

        CollectionAssert.AreEqual(new[] { "a" }, Texts(prediction));
        CollectionAssert.AreEqual(new[] { 1f }, prediction.Probabilities);
    }

    [TestMethod]
    [DataRow(6f, 0.0, "b", DisplayName = "less than the best answer")]
    [DataRow(7f, 0.0, "b", DisplayName = "as much")]
    [DataRow(7.5f, 0.0, "", DisplayName = "more")]
    [DataRow(7.5f, 1.0, "b", DisplayName = "more, but not by the threshold")]
    [DataRow(6.5f, -1.0, "", DisplayName = "less, but a negative threshold")]
    public void No_answer_wins_by_more_than_the_threshold(float none, double threshold, string expected)
    {
        var prediction = Decode(Short, [(0, -1, none), (0, 1, 3)], [(0, 1, 4)], Task with { NoAnswerThreshold = threshold });

        Assert.AreEqual(expected, prediction.BestText);
        Assert.AreEqual(none - 7, prediction.NoAnswerScore);
    }

    [TestMethod]
    public void Threshold_moves_no_answer_and_leaves_its_probability()
    {
        var (strict, lenient) = (WithThreshold(2.5), WithThreshold(0));

        CollectionAssert.AreEqual(new[] { "b", "" }, Texts(strict)[..2]);
        CollectionAssert.AreEqual(new[] { "", "b" }, Texts(lenient)[..2]);
        Assert.AreEqual(lenient.Probabilities[0], strict.Probabilities[1], 1e-6);

        AnswerPrediction WithThreshold(double threshold) =>
            Decode(Short, [(0, -1, 9), (0, 1, 3)], [(0, 1, 4)], Task with { NoAnswerThreshold = threshold });
    }

    [TestMethod]
    public void Where_all_rows_had_an_answer_there_always_is_one()
    {
        var prediction = Decode(Short, [(0, -1, 99), (0, 1, 3)], [(0, 1, 4)], Task with { AllowsNoAnswer = false });

        Assert.AreEqual("b", prediction.BestText);
        Assert.DoesNotContain("", Texts(prediction));
        Assert.AreEqual(92, prediction.NoAnswerScore);
    }

    [TestMethod]
    public void Window_that_is_learned_from_alone_may_have_no_answer()
    {
        var window = (AnswerExample)WordQuestions.Row("a b c d e f g h i j k l", answer: "b").Split().Last();

        Assert.AreEqual("", Decode(window, [(0, -1, 9)], [], Task with { AllowsNoAnswer = false }).BestText);
    }

    [TestMethod]
    public void There_is_an_answer_where_no_good_start_and_good_end_make_a_pair()
    {
        var task = Task with { AllowsNoAnswer = false, NBest = 1 };

        Assert.AreEqual("d", Decode(Short, [(0, 3, 9)], [(0, 0, 9)], task).BestText);
        Assert.AreEqual("b c", Decode(Short, [(0, 1, 9)], [(0, 0, 9), (0, 2, 5)], task).BestText);
    }

    [TestMethod]
    public void Score_of_none_is_the_least_of_all_windows()
    {
        var prediction = Decode(Long, [(0, -1, 8), (1, -1, 2), (0, 1, 3)], [(0, 1, 4)]);

        Assert.AreEqual("b", prediction.BestText);
        Assert.AreEqual(2 - 7, prediction.NoAnswerScore);
    }

    [TestMethod]
    public void Best_answer_of_all_windows_wins()
    {
        var prediction = Decode(Long, [(0, 1, 3), (1, 10, 4)], [(0, 1, 4), (1, 11, 4)]);

        CollectionAssert.AreEqual(new[] { "k l", "b" }, Texts(prediction)[..2]);
        Assert.AreEqual(Long.Context.IndexOf('k'), prediction.Best.Start);
    }

    [TestMethod]
    public void Answer_counts_in_the_window_that_shows_most_of_its_context()
    {
        Assert.AreEqual("h", Decode(Long, [(1, 7, 5)], [(1, 7, 5)]).BestText);

        var other = Decode(Long, [(0, 7, 9), (0, 1, 1)], [(0, 7, 1), (0, 1, 1)]);
        Assert.AreNotEqual("h", other.BestText);
    }

    [TestMethod]
    public void Equal_words_at_different_places_are_different_answers()
    {
        var prediction = Decode(WordQuestions.Row("a b a"), [(0, 0, 5), (0, 2, 5)], [(0, 0, 5), (0, 2, 4)]);

        CollectionAssert.AreEqual(new[] { "a", "a b a", "a" }, Texts(prediction));
        CollectionAssert.AreEqual(new[] { 0, 0, 4 }, prediction.Answers.Select(a => a.Start).ToArray());
    }

    [TestMethod]
    public void Place_that_is_found_twice_is_one_answer_with_the_better_score()
    {
        var row = Long with { Windows = [.. Long.Windows.Select(w => w with { FirstAnswer = w.Start, LastAnswer = w.End })] };

        var prediction = Decode(row, [(0, 7, 5), (1, 7, 6)], [(0, 7, 5), (1, 7, 6)]);

        Assert.AreEqual(12, prediction.Best.Score);
        Assert.AreEqual(1, prediction.Answers.Count(a => (a.Start, a.End) == (prediction.Best.Start, prediction.Best.End)));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow(" \n ")]
    public void Context_without_tokens_has_no_answer(string context)
    {
        var row = WordQuestions.Row(context);

        var prediction = Decode(row, [(0, -1, -9)], [], Task with { AllowsNoAnswer = false });

        CollectionAssert.AreEqual(new[] { "" }, Texts(prediction));
        Assert.AreEqual(-1, prediction.Best.Start);
        CollectionAssert.AreEqual(new[] { 1f }, prediction.Probabilities);
        Assert.AreEqual(float.MaxValue, prediction.NoAnswerScore);
    }

    [TestMethod]
    public void Finds_what_a_search_of_all_pairs_finds()
    {
        var random = new Random(1);
        for (var trial = 0; trial < 200; trial++)
        {
            var row = WordQuestions.Row(string.Join(' ', Enumerable.Range(0, random.Next(1, 60)).Select(_ => (char)('a' + random.Next(26)))));
            float[][] logits = [.. row.Parts.Select(part => Enumerable.Range(0, 2 * part.Length).Select(_ => random.NextSingle()).ToArray())];

            var found = AnswerSearch.Find(row, logits, best: 20, longest: 3).Select(span => (span.Start, span.End, span.Score)).ToArray();

            CollectionAssert.AreEqual(AllPairs(row, logits, longest: 3).Take(20).ToArray(), found); // 8 starts and ends: all are among the 20 best.
        }
    }

    private static (int, int, float)[] AllPairs(AnswerExample row, float[][] logits, int longest) =>
    [
        .. (from window in Enumerable.Range(0, row.Windows.Length)
            let cut = row.Windows[window]
            from start in Enumerable.Range(cut.FirstAnswer, cut.LastAnswer - cut.FirstAnswer)
            from end in Enumerable.Range(start, Math.Min(longest, cut.End - start))
            let position = row.TextStart - cut.Start
            let score = logits[window][2 * (start + position)] + logits[window][2 * (end + position) + 1]
            orderby score descending
            select (row.Tokens[start].Start, row.Tokens[end].Start + row.Tokens[end].Length, score)),
    ];

    private static AnswerPrediction Decode(
        AnswerExample row, (int, int, float)[] starts, (int, int, float)[] ends, QuestionAnswering? task = null) =>
        Decode(row, WordQuestions.Logits(row, starts, ends), task ?? Task);

    private static AnswerPrediction Decode(AnswerExample row, float[][] logits, QuestionAnswering task) => (AnswerPrediction)task.Decode(row, logits);

    private static string[] Texts(AnswerPrediction prediction) => [.. prediction.Answers.Select(a => a.In(prediction.Context).ToString())];
}
