using System.Text;
using Microsoft.ML.PTuning.Persistence;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Loss, metric and checks of question answering, against their formulas.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class QuestionAnsweringTests
{
    private static readonly QuestionAnswering Task = WordQuestions.Task;

    [TestMethod]
    public void Loss_is_the_mean_of_two_cross_entropies_a_window()
    {
        using var scope = NewDisposeScope();
        var outputs = tensor(new float[,,] { { { 1, 0 }, { 3, 0 }, { 2, 5 } } }); // [1, 3, 2]: starts 1, 3, 2 and ends 0, 0, 5.

        var loss = Task.Loss(outputs, [Part(3, 1, 2)]);

        Assert.AreEqual((CrossEntropy([1, 3, 2], 1) + CrossEntropy([0, 0, 5], 2)) / 2, loss.item<float>(), 1e-5);
    }

    [TestMethod]
    public void Loss_is_the_sum_over_windows_without_their_padding()
    {
        using var scope = NewDisposeScope();
        var outputs = tensor(new float[,,] { { { 1, 0 }, { 3, 0 }, { 2, 5 } }, { { 4, 1 }, { 2, 2 }, { 99, 99 } } });
        ExamplePart[] parts = [Part(3, 1, 2), Part(2, 0, 1)];

        var loss = Task.Loss(outputs, parts);

        var expected = (CrossEntropy([1, 3, 2], 1) + CrossEntropy([0, 0, 5], 2) + CrossEntropy([4, 2], 0) + CrossEntropy([1, 2], 1)) / 2;
        Assert.AreEqual(expected, loss.item<float>(), 1e-5);
        Assert.AreEqual(2, Task.LossWeight(parts));
    }

    [TestMethod]
    public void Padding_gets_no_gradient()
    {
        using var scope = NewDisposeScope();
        var outputs = zeros(2, 3, 2, requires_grad: true);

        Task.Loss(outputs, [Part(3, 1, 2), Part(2, 0, 1)]).backward();

        CollectionAssert.AreEqual(new float[] { 0, 0 }, outputs.grad![1, 2].data<float>().ToArray());
    }

    [TestMethod]
    public void F1_is_the_mean_over_rows()
    {
        var (right, half) = (WordQuestions.Row("b c d", answer: "b c"), WordQuestions.Row("b c d", answer: "b c"));
        var none = WordQuestions.Row("b c d", answer: "");

        var f1 = Task.Measure([Found(right, 0, 1), Found(half, 1, 1), Found(none, 0, 0)], [right, half, none]);

        Assert.AreEqual((1 + 2.0 / 3 + 0) / 3, f1, 1e-12); // One word of two: P 1, R 1/2.
    }

    [TestMethod]
    public void Misaligned_row_is_measured_by_its_text()
    {
        var row = WordQuestions.Row("b c d", "q", new GoldAnswer("b c", 1));

        Assert.AreEqual(1, Task.Measure([Found(row, 0, 1)], [row]));
    }

    [TestMethod]
    public void No_answer_for_everything_is_a_collapse()
    {
        AnswerExample[] rows = [WordQuestions.Row("b c d", answer: "b"), WordQuestions.Row("b c d", answer: "")];

        StringAssert.Contains(Task.FindCollapse([None(rows[0]), None(rows[1])], rows), "finds no answer in any row");
        Assert.IsNull(Task.FindCollapse([None(rows[1])], [rows[1]]));
    }

    [TestMethod]
    public void One_start_for_everything_is_a_collapse()
    {
        AnswerExample[] rows = [WordQuestions.Row("b c d", answer: "b"), WordQuestions.Row("e f g", answer: "f")];

        StringAssert.Contains(Task.FindCollapse([Found(rows[0], 0, 0), Found(rows[1], 0, 1)], rows), "all start at token 3");
        Assert.IsNull(Task.FindCollapse([Found(rows[0], 0, 0), Found(rows[1], 1, 1)], rows));
        Assert.IsNull(Task.FindCollapse([Found(rows[0], 0, 0), Found(rows[0], 0, 0)], [rows[0], rows[0]]));
    }

    [TestMethod]
    public void Rows_without_an_answer_are_remembered()
    {
        var (with, without) = (WordQuestions.Row("b c", answer: "b"), WordQuestions.Row("b c", answer: ""));

        Assert.IsFalse(((QuestionAnswering)Task.ForTargets(new([with], Skipped: 0))).AllowsNoAnswer);
        Assert.IsTrue(((QuestionAnswering)Task.ForTargets(new([with, without], Skipped: 0))).AllowsNoAnswer);
    }

    [TestMethod]
    public void Rows_without_anything_to_learn_from_are_refused_with_their_counts()
    {
        AnswerExample[] rows =
        [
            WordQuestions.Row("b c", "q", new GoldAnswer("x", 0)), WordQuestions.Row("b c", "q", new GoldAnswer("c", 0)), WordQuestions.Row("b c", answer: ""),
        ];

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Task.ForTargets(new(rows, Skipped: 0)));

        StringAssert.Contains(refusal.Message, "None of the 3 training rows");
        StringAssert.Contains(refusal.Message, "1 have none");
        StringAssert.Contains(refusal.Message, "in 2 it is not where column 'AnswerIndex' says");
    }

    [TestMethod]
    [DataRow(384, 128, null, DisplayName = "the defaults")]
    [DataRow(5, 0, null, DisplayName = "a token of each")]
    [DataRow(4, 0, "MaxLength is 4, but 3 special tokens", DisplayName = "one token in all")]
    [DataRow(12, 4, null, DisplayName = "9 tokens, 4 of a question")]
    [DataRow(12, 5, "Use a DocumentStride of 4 or less", DisplayName = "an overlap of a whole window")]
    [DataRow(384, 317, "a long question leaves 317 tokens", DisplayName = "beside 64 tokens of a question")]
    public void Row_has_room_for_question_context_and_overlap(int maxLength, int overlap, string? expected)
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");

        var misfit = (Task with { MaxLength = maxLength, DocumentStride = overlap }).FindMisfit(folder.Load());

        if (expected is null)
            Assert.IsNull(misfit);
        else
            StringAssert.Contains(misfit, expected);
    }

    [TestMethod]
    public void Whatever_fits_can_encode_every_question()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");
        var tokenizer = folder.Load();
        for (var maxLength = 5; maxLength < 140; maxLength++)
        {
            var longest = Enumerable.Range(0, maxLength)
                .Last(overlap => (Task with { MaxLength = maxLength, DocumentStride = overlap }).FindMisfit(tokenizer) is null);
            for (var question = 0; question < 70; question += 7)
            {
                var row = AnswerExample.Encode(tokenizer, Words(question), Words(150), null, maxLength, longest);
                Assert.AreEqual(150, row.Windows[^1].End);
                Assert.IsLessThanOrEqualTo(maxLength, row.Parts.Max(part => part.Length));
            }
        }
    }

    [TestMethod]
    public void Saved_task_comes_back()
    {
        var task = Task with { NoAnswerThreshold = -1.5 };

        Assert.AreEqual(task, Read(Json(task)));
    }

    [TestMethod]
    [DataRow("\"topK\":3", "\"topK\":0", "topK is 0")]
    [DataRow("\"nBest\":20", "\"nBest\":2000000000", "nBest 2000000000")]
    [DataRow("\"maxAnswerLength\":30", "\"maxAnswerLength\":-1", "maxAnswerLength -1")]
    [DataRow("\"documentStride\":2", "\"documentStride\":-2", "documentStride -2")]
    [DataRow("\"noAnswerThreshold\":0", "\"noAnswerThreshold\":\"NaN\"", "noAnswerThreshold NaN")]
    [DataRow("\"answerStartColumnName\":\"AnswerStart\"", "\"answerStartColumnName\":\"\"", "no name")]
    public void Damaged_task_is_refused(string saved, string damaged, string expected)
    {
        var json = Json(Task);
        Assert.Contains(saved, json);

        var refusal = Assert.ThrowsExactly<FormatException>(() => Read(json.Replace(saved, damaged, StringComparison.Ordinal)));

        StringAssert.Contains(refusal.Message, expected);
    }

    private static PromptTask Read(string json) => PromptDocument.Read(Encoding.UTF8.GetBytes(json), "test").Task;

    private static string Json(PromptTask task) => Encoding.UTF8.GetString(Any.Document(task).ToBytes());

    private static string Words(int count) => string.Join(' ', Enumerable.Repeat("a", count));

    private static ExamplePart Part(int length, float start, float end) => new([new(new int[length], new int[length])], [start, end]);

    private static double CrossEntropy(double[] logits, int right) => Math.Log(logits.Sum(Math.Exp)) - logits[right];

    private static AnswerPrediction Found(AnswerExample row, int start, int end) =>
        (AnswerPrediction)Task.Decode(row, WordQuestions.Logits(row, [(0, start, 9)], [(0, end, 9)]));

    private static AnswerPrediction None(AnswerExample row) => (AnswerPrediction)Task.Decode(row, WordQuestions.Logits(row, [(0, -1, 9)], [(0, -1, 9)]));
}
