using System.Text.Json.Nodes;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Serving.Rows;

/// <summary>Makes JSON of answers: text, start, end and score of each stand together.</summary>
internal sealed record AnswerJson(OutputColumn Answers, OutputColumn Starts, OutputColumn Scores, IReadOnlyList<OutputColumn> Others)
{
    /// <returns>Null if a step has changed the columns.</returns>
    public static AnswerJson? Of(IReadOnlyList<OutputColumn> columns)
    {
        var answers = columns.Where(column => column.Type is VectorDataViewType { ItemType: TextDataViewType }).ToArray();
        var starts = columns.Where(column => column.Type is VectorDataViewType vector && vector.ItemType.RawType == typeof(int)).ToArray();
        var scores = columns.Where(column => column.Type is VectorDataViewType vector && vector.ItemType.RawType == typeof(float)).ToArray();
        return (answers, starts, scores) is ([var answer], [var start], [var score])
            ? new AnswerJson(answer, start, score, [.. columns.Except([answer, start, score])])
            : null;
    }

    public JsonObject Write(DataViewRow row)
    {
        var texts = Answers.Values<ReadOnlyMemory<char>>(row);
        var (starts, scores) = (Starts.Values<int>(row), Scores.Values<float>(row));
        var answers = new JsonArray();
        for (var i = 0; i < texts.Length; i++)
            answers.Add(new JsonObject
            {
                ["text"] = texts[i].ToString(),
                ["start"] = starts[i] < 0 ? null : starts[i], // The empty answer stands nowhere.
                ["end"] = starts[i] < 0 ? null : starts[i] + texts[i].Length,
                ["score"] = float.IsFinite(scores[i]) ? scores[i] : null,
            });
        var written = new JsonObject { [Answers.Name] = answers };
        foreach (var other in Others)
            written[other.Name] = other.Read(row);
        return written;
    }
}
