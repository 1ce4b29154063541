using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML;

/// <summary>Metrics of named entities, answers, choices, label sets, generated texts and similarity on the catalogs of an <see cref="MLContext"/>.</summary>
/// <remarks>Each method reads the data once. Independent calls may run on several threads.</remarks>
public static partial class PTuningEvaluation
{
    private const string Texts = "text or a vector of text";

    /// <summary>Computes exact match and F1 of answers (SQuAD: Rajpurkar et al. 2016, 2018).</summary>
    /// <param name="labelColumnName">
    /// The right answer, text; or several right answers, a vector of text. A question whose right answers are all empty has no answer.
    /// </param>
    /// <param name="predictedAnswerColumnName">
    /// The predicted answer, text; or answers, best first, a vector of text. Only the first counts. Empty for no answer.
    /// </param>
    /// <exception cref="ArgumentException">Label and prediction are the same column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">The data has no rows.</exception>
    /// <example>
    /// <code>
    /// var metrics = mlContext.MulticlassClassification.EvaluateQuestionAnswer(model.Transform(newQuestions));
    /// Console.WriteLine($"exact match {metrics.ExactMatch:F3}, F1 {metrics.F1:F3}");
    /// </code>
    /// </example>
    public static QuestionAnswerMetrics EvaluateQuestionAnswer(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        string labelColumnName = "TrainingAnswer",
        string predictedAnswerColumnName = "Answer")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        RefuseSame(labelColumnName, predictedAnswerColumnName);
        var label = Find(data, "label", labelColumnName, Texts, IsTextOrTextVector);
        var predicted = Find(data, "predicted answer", predictedAnswerColumnName, Texts, IsTextOrTextVector);

        var counter = new AnswerCounter();
        using var cursor = data.GetRowCursor([label, predicted]);
        var (golds, answers) = (OpenTexts(cursor, label), OpenTexts(cursor, predicted));
        while (cursor.MoveNext())
            counter.Add(answers().FirstOrDefault(""), golds());
        return counter.Measure();
    }

    /// <summary>Computes Pearson's and Spearman's correlation of scores with labels (STS-B: Cer et al. 2017).</summary>
    /// <remarks>Both are NaN if all labels or all scores are equal. Rows whose label is missing (NaN) are skipped and counted.</remarks>
    /// <param name="labelColumnName">The right number, Single.</param>
    /// <param name="scoreColumnName">The predicted number, Single.</param>
    /// <exception cref="ArgumentException">Label and prediction are the same column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">Fewer than two rows have a label, a label is infinite, or a score is not a finite number.</exception>
    /// <example>
    /// <code>
    /// var metrics = mlContext.Regression.EvaluateSimilarity(model.Transform(newPairs));
    /// Console.WriteLine($"Pearson {metrics.Pearson:F3}, Spearman {metrics.Spearman:F3}");
    /// </code>
    /// </example>
    public static SimilarityMetrics EvaluateSimilarity(
        this RegressionCatalog catalog,
        IDataView data,
        string labelColumnName = "Label",
        string scoreColumnName = "Score")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        RefuseSame(labelColumnName, scoreColumnName);
        var label = Find(data, "label", labelColumnName, "a scalar Single", type => type == NumberDataViewType.Single);
        var score = Find(data, "score", scoreColumnName, "a scalar Single", type => type == NumberDataViewType.Single);

        var (labels, scores, skipped) = (new List<double>(), new List<double>(), 0);
        using var cursor = data.GetRowCursor([label, score]);
        var (labelGetter, scoreGetter) = (cursor.GetGetter<float>(label), cursor.GetGetter<float>(score));
        float right = 0, predicted = 0;
        while (cursor.MoveNext())
        {
            labelGetter(ref right);
            if (float.IsNaN(right))
            {
                skipped++;
                continue;
            }
            scoreGetter(ref predicted);
            labels.Add(Finite(right, label, cursor));
            scores.Add(Finite(predicted, score, cursor));
        }

        if (labels.Count < 2)
            throw new InvalidOperationException(
                $"{labels.Count} rows have a label in column '{label.Name}' and {skipped} have none (NaN); a correlation needs two rows or more.");
        return new SimilarityMetrics(Correlation.Pearson(labels, scores), Correlation.Spearman(labels, scores), labels.Count, skipped);
    }

    private static Func<IReadOnlyList<string>> OpenTexts(DataViewRow row, DataViewSchema.Column column)
    {
        if (column.Type is TextDataViewType)
        {
            var text = row.GetGetter<ReadOnlyMemory<char>>(column);
            ReadOnlyMemory<char> value = default;
            return () =>
            {
                text(ref value);
                return [value.ToString()];
            };
        }

        var texts = row.GetGetter<VBuffer<ReadOnlyMemory<char>>>(column);
        VBuffer<ReadOnlyMemory<char>> values = default;
        return () =>
        {
            texts(ref values);
            return [.. values.DenseValues().Select(item => item.ToString())];
        };
    }

    private static void RefuseSame(string labelColumnName, string predictedColumnName)
    {
        if (labelColumnName == predictedColumnName)
            throw new ArgumentException(
                $"Label and prediction are both read from column '{labelColumnName}': they would always agree. Name the column that the model added.",
                predictedColumnName);
    }

    private static DataViewSchema.Column Find(IDataView data, string role, string name, string expected, Func<DataViewType, bool> accepts)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(name);
        var column = data.Schema.GetColumnOrNull(name) ?? throw new ArgumentOutOfRangeException(
            name, $"The {role} column '{name}' is missing; expected {expected}. "
                + $"The data has: {string.Join(", ", data.Schema.Select(c => c.Name).Distinct())}.");
        return accepts(column.Type)
            ? column
            : throw new ArgumentOutOfRangeException(name, $"The {role} column '{name}' is {column.Type}; expected {expected}.");
    }

    private static float Finite(float value, DataViewSchema.Column column, DataViewRow row) => float.IsFinite(value)
        ? value
        : throw new InvalidOperationException(FormattableString.Invariant(
            $"Row {row.Position} (the first is 0) of column '{column.Name}' is {value}; expected a finite number. Correct or drop such rows."));

    private static bool IsTextVector(DataViewType type) => type is VectorDataViewType { ItemType: TextDataViewType };

    private static bool IsTextOrTextVector(DataViewType type) => type is TextDataViewType || IsTextVector(type);
}
