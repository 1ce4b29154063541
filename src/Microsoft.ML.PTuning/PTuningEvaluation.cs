using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML;

/// <summary>Metrics of named entities, of answers and of similarity on the catalogs of an <see cref="MLContext"/>.</summary>
public static class PTuningEvaluation
{
    private const string KeyValues = "KeyValues";
    private const string Entities =
        "a vector of keys with tags as text values (MapValueToKey of 'O', 'B-PER', ...), or a vector of text with spans ('PER 0 5')";
    private const string Texts = "text or a vector of text";

    /// <summary>Precision, recall and F1 of whole entities (Tjong Kim Sang &amp; De Meulder 2003).</summary>
    /// <remarks>
    /// Both columns hold a row's tags, one key per word, or both its entities as text in the form of <see cref="EntitySpan"/>, in any order;
    /// empty texts are passed over. Each column of tags has its own key values: IOB1 labels can be compared with IOB2 predictions.
    /// A missing key (0) is an O; a row without any, beside predictions, is left out and counted. Tags of another kind, such as parts of speech,
    /// name no entities: they are refused.
    /// </remarks>
    /// <param name="labelColumnName">The right entities; tags are read leniently.</param>
    /// <param name="predictedLabelColumnName">The predicted entities.</param>
    /// <param name="reading">How predicted tags are read that do not keep to their scheme.</param>
    /// <exception cref="ArgumentException">Label and prediction are the same column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or its key values are no tags.</exception>
    /// <exception cref="InvalidOperationException">A row has more tags on one side than on the other, or a text that is no span.</exception>
    public static NamedEntityMetrics EvaluateNamedEntityRecognition(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        string labelColumnName = "Label",
        string predictedLabelColumnName = "PredictedLabel",
        EntityReading reading = EntityReading.Lenient)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        if (!Enum.IsDefined(reading))
            throw new ArgumentOutOfRangeException(nameof(reading), reading, $"Expected {EntityReading.Lenient} or {EntityReading.Strict}.");
        RefuseSame(labelColumnName, predictedLabelColumnName);
        var label = Find(data, "label", labelColumnName, Entities, type => IsKeyVector(type) || IsTextVector(type));
        var predicted = IsKeyVector(label.Type)
            ? Find(data, "predicted label", predictedLabelColumnName, "a vector of keys, as the label column is", IsKeyVector)
            : Find(data, "predicted label", predictedLabelColumnName, "a vector of text with spans, as the label column is", IsTextVector);

        var counter = new EntityCounter();
        if (IsKeyVector(label.Type))
            CountTags(data, (label, ReadTags(label)), (predicted, ReadTags(predicted)), reading, counter);
        else
            CountSpans(data, label, predicted, counter);
        return counter.Measure();
    }

    /// <summary>Exact match and F1 of answers (SQuAD: Rajpurkar et al. 2016, 2018).</summary>
    /// <param name="labelColumnName">
    /// The right answer, text; or several references, a vector of text. A question without one, or with empty ones only, has no answer.
    /// </param>
    /// <param name="predictedAnswerColumnName">
    /// The predicted answer, text; or answers from the best on, a vector of text, of which the first counts. Empty for none.
    /// </param>
    /// <exception cref="ArgumentException">Label and prediction are the same column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">The data has no rows.</exception>
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

    /// <summary>Pearson's and Spearman's correlation of scores with labels (STS-B: Cer et al. 2017).</summary>
    /// <remarks>Both are NaN where all labels or all scores are equal. Rows whose label is missing (NaN) are skipped and counted.</remarks>
    /// <param name="labelColumnName">The right number, Single.</param>
    /// <param name="scoreColumnName">The predicted number, Single.</param>
    /// <exception cref="ArgumentException">Label and prediction are the same column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">Fewer than two rows have a label, a label is infinite, or a score is no finite number.</exception>
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

    private static void CountTags(
        IDataView data, (DataViewSchema.Column Column, string[] Tags) label, (DataViewSchema.Column Column, string[] Tags) predicted,
        EntityReading reading, EntityCounter counter)
    {
        if (reading == EntityReading.Strict && Array.Find(predicted.Tags, tag => tag[0] is not ('O' or 'B' or 'I')) is string other)
            throw new ArgumentOutOfRangeException(
                predicted.Column.Name, $"The predicted label column '{predicted.Column.Name}' has the tag '{other}'; strict reading knows IOB2 only, "
                + $"'O' and types behind B- and I-. Use {nameof(EntityReading)}.{nameof(EntityReading.Lenient)} for other schemes.");

        using var cursor = data.GetRowCursor([label.Column, predicted.Column]);
        var (labels, predictions) = (OpenTags(cursor, label.Column, label.Tags), OpenTags(cursor, predicted.Column, predicted.Tags));
        while (cursor.MoveNext())
        {
            var (right, found) = (labels(), predictions());
            if (right.Length != found.Length && right.Length > 0)
                throw new InvalidOperationException(
                    $"Row {cursor.Position} (the first is 0) has {right.Length} tags in column '{label.Column.Name}' and {found.Length} in column "
                    + $"'{predicted.Column.Name}'; expected one a word in both.");
            counter.AddTags(right, found, reading);
        }
    }

    private static void CountSpans(IDataView data, DataViewSchema.Column label, DataViewSchema.Column predicted, EntityCounter counter)
    {
        using var cursor = data.GetRowCursor([label, predicted]);
        var (labels, predictions) = (OpenTexts(cursor, label), OpenTexts(cursor, predicted));
        while (cursor.MoveNext())
            counter.AddSpans(ParseSpans(labels(), label, cursor), ParseSpans(predictions(), predicted, cursor));
    }

    private static List<EntitySpan> ParseSpans(IReadOnlyList<string> texts, DataViewSchema.Column column, DataViewRow row)
    {
        try
        {
            return [.. texts.Where(text => text.Length > 0).Select(EntitySpan.Parse)];
        }
        catch (FormatException e)
        {
            throw new InvalidOperationException(
                $"Row {row.Position} (the first is 0) of column '{column.Name}': {e.Message} "
                + "Tags are not text but keys here: map them with MapValueToKey.", e);
        }
    }

    private static Func<string[]> OpenTags(DataViewRow row, DataViewSchema.Column column, string[] tags)
    {
        var getter = row.GetGetter<VBuffer<uint>>(column);
        VBuffer<uint> keys = default;
        return () =>
        {
            getter(ref keys);
            return [.. keys.DenseValues().Select(key => key == 0 || key > tags.Length ? "O" : tags[key - 1])];
        };
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

    // The values of a column of keys, each a tag.
    private static string[] ReadTags(DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull(KeyValues)?.Type is not VectorDataViewType { ItemType: TextDataViewType })
            throw new ArgumentOutOfRangeException(column.Name, $"The keys of column '{column.Name}' have no text values; expected {Entities}.");

        VBuffer<ReadOnlyMemory<char>> values = default;
        column.Annotations.GetValue(KeyValues, ref values);
        string[] tags = [.. values.DenseValues().Select(value => value.ToString())];
        return Array.Find(tags, tag => !TagSequence.IsTag(tag)) is not string other
            ? tags
            : throw new ArgumentOutOfRangeException(
                column.Name, $"The key value '{other}' of column '{column.Name}' is no tag; "
                + "expected 'O', or a type behind one of B-, I-, E-, S-, L-, U- such as 'B-PER'.");
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

    private static bool IsKeyVector(DataViewType type) => type is VectorDataViewType { ItemType: KeyDataViewType key } && key.RawType == typeof(uint);

    private static bool IsTextVector(DataViewType type) => type is VectorDataViewType { ItemType: TextDataViewType };

    private static bool IsTextOrTextVector(DataViewType type) => type is TextDataViewType || IsTextVector(type);
}
