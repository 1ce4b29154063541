using System.Text.Json;
using Microsoft.ML.PTuning.Evaluation;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Real questions: what is encoded as their answer decodes to it again.</summary>
[TestClass]
public sealed class SquadTests
{
    private static readonly QuestionAnswering Task = WordQuestions.Task with { MaxLength = 384, DocumentStride = 128, MaxAnswerLength = 64 };

    [TestMethod]
    [DataRow("dev-v1.1-12articles.json", 384, 128)]
    [DataRow("dev-v1.1-12articles.json", 128, 40)] // Most contexts are several windows.
    [DataRow("v2.0-dev-6articles.json", 384, 128)]
    public void Targets_decode_to_their_answers(string file, int maxLength, int overlap)
    {
        var tokenizer = TextTokenizer.Load(SharedFiles.Require("backbones/mini-cased"), "bert");
        AnswerExample[] rows = [.. Questions(SharedFiles.RequireData($"squad/{file}"))
            .Select(q => AnswerExample.Encode(tokenizer, q.Question, q.Context, q.Gold, maxLength, overlap))];

        var aligned = rows.Where(row => !row.IsMisaligned).ToArray();
        var matches = aligned.Count(row => AnswerMatch.ExactMatch(((AnswerPrediction)Task.Decode(row, LogitsOf(row))).BestText, [row.Gold!.Text]));

        Assert.IsGreaterThan(1000, rows.Length);
        Assert.IsGreaterThan(0.999, aligned.Length / (double)rows.Length);
        Assert.IsGreaterThan(0.98, matches / (double)aligned.Length); // An answer may be part of a token ("1960" of "1960s").
    }

    // 9 where the target is in windows that hold the answer; in the others nothing, and less for no answer than an answer has.
    private static float[][] LogitsOf(AnswerExample row) => [.. row.Parts.Select(part =>
    {
        var logits = new float[2 * part.Length];
        if (part.Target[0] > 0 || row.Gold!.Text.Length == 0)
            (logits[2 * (int)part.Target[0]], logits[2 * (int)part.Target[1] + 1]) = (9, 9);
        return logits;
    })];

    private static IEnumerable<(string Question, string Context, GoldAnswer Gold)> Questions(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        foreach (var article in document.RootElement.GetProperty("data").EnumerateArray())
        {
            foreach (var paragraph in article.GetProperty("paragraphs").EnumerateArray())
            {
                var context = paragraph.GetProperty("context").GetString()!;
                foreach (var question in paragraph.GetProperty("qas").EnumerateArray())
                    yield return (question.GetProperty("question").GetString()!, context, GoldOf(question));
            }
        }
    }

    private static GoldAnswer GoldOf(JsonElement question) =>
        question.GetProperty("answers").EnumerateArray().Select(answer => GoldAnswer.Of(
            answer.GetProperty("text").GetString()!, answer.GetProperty("answer_start").GetInt32())).FirstOrDefault(GoldAnswer.None);
}
