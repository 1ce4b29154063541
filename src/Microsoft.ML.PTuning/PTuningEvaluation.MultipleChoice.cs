using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Evaluation;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML;

public static partial class PTuningEvaluation
{
    private const string Index = "the index of the right choice from 0, as a scalar Int32, or as a key without values ([KeyType(count)])";

    /// <summary>Computes the share of rows whose right choice has the highest score, and the log-loss of the scores.</summary>
    /// <remarks>
    /// Rows may have different numbers of choices. The first of equal scores counts, as in <c>PredictedLabel</c>. Rows without a label (an index
    /// below 0, a missing key) or without a choice are skipped and counted.
    /// </remarks>
    /// <param name="labelColumnName">The index of the right choice, Int32 or a key, as the trainer takes it.</param>
    /// <param name="scoreColumnName">A probability per choice, a vector of Single.</param>
    /// <exception cref="ArgumentException">Label and scores are the same column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column is missing or of another type, or the label's keys have values, whose order is not that of the choices.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// No row has a label and choices, a label is not the index of a choice of its row, or a score is not a finite number.
    /// </exception>
    /// <example>
    /// <code>
    /// var metrics = mlContext.MulticlassClassification.EvaluateMultipleChoice(model.Transform(newStories));
    /// Console.WriteLine($"accuracy {metrics.MicroAccuracy:F3}, log-loss {metrics.LogLoss:F3}");
    /// </code>
    /// </example>
    public static MultipleChoiceMetrics EvaluateMultipleChoice(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        string labelColumnName = "Label",
        string scoreColumnName = "Score")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        RefuseSame(labelColumnName, scoreColumnName);
        var label = Find(data, "label", labelColumnName, Index, type => type is KeyDataViewType || type == NumberDataViewType.Int32);
        var score = Find(data, "score", scoreColumnName, "a vector of Single", type => type is VectorDataViewType { ItemType: NumberDataViewType item }
            && item == NumberDataViewType.Single);
        if (label.Annotations.Schema.GetColumnOrNull(ScoreAnnotations.KeyValues) is not null)
            throw new ArgumentOutOfRangeException(label.Name,
                $"The label column '{label.Name}' is a key that stands for values (as of MapValueToKey), numbered as they were met. Expected {Index}.");

        var counter = new ChoiceCounter();
        using var cursor = data.GetRowCursor([label, score]);
        var (right, scores) = (MultipleChoice.OpenIndex(cursor, label), cursor.GetGetter<VBuffer<float>>(score));
        VBuffer<float> values = default;
        while (cursor.MoveNext())
        {
            scores(ref values);
            var (index, choices) = (right(), Array.ConvertAll(values.DenseValues().ToArray(), value => Finite(value, score, cursor)));
            if (index >= choices.Length && choices.Length > 0)
                throw new InvalidOperationException(
                    $"Row {cursor.Position} (the first is 0) has the index {index} in column '{label.Name}', but {choices.Length} scores in column "
                    + $"'{score.Name}'. Expected the index of the right choice, from 0; below 0 (a missing key) where it is not known.");
            counter.Add(index, choices);
        }
        return counter.Count > 0
            ? counter.Measure()
            : throw new InvalidOperationException(
                $"No row has an index in column '{label.Name}' and scores in column '{score.Name}': {counter.Skipped} rows have none. Check the columns.");
    }
}
