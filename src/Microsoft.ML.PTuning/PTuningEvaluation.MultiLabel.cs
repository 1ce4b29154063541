using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Evaluation;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML;

public static partial class PTuningEvaluation
{
    private const string LabelSets = "a vector of text (names of classes), or a vector of Boolean (one per class)";

    /// <summary>Computes precision, recall and F1 of predictions with any number of classes per row.</summary>
    /// <remarks>The order in vectors of text does not matter, and empty texts are ignored.</remarks>
    /// <param name="labelColumnName">The right classes: their names, a vector of text; or a vector with a Boolean per class.</param>
    /// <param name="predictedLabelColumnName">The predicted classes, in the form of the label.</param>
    /// <exception cref="ArgumentException">Label and prediction are the same column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing, of another type, or of another size than the other.</exception>
    /// <exception cref="InvalidOperationException">The data has no rows.</exception>
    /// <example>
    /// <code>
    /// var metrics = mlContext.MulticlassClassification.EvaluateMultiLabel(model.Transform(newMails), labelColumnName: "Topics");
    /// Console.WriteLine($"micro F1 {metrics.MicroF1:F3}, macro F1 {metrics.MacroF1:F3}");
    /// </code>
    /// </example>
    public static MultiLabelMetrics EvaluateMultiLabel(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        string labelColumnName = "Label",
        string predictedLabelColumnName = "PredictedLabel")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        RefuseSame(labelColumnName, predictedLabelColumnName);
        var label = Find(data, "label", labelColumnName, LabelSets, type => IsTextVector(type) || IsBooleanVector(type));
        var predicted = IsTextVector(label.Type)
            ? Find(data, "predicted label", predictedLabelColumnName, "a vector of text, as the label column is", IsTextVector)
            : Find(data, "predicted label", predictedLabelColumnName, $"{label.Type}, as the label column is", type =>
                IsBooleanVector(type) && ((VectorDataViewType)type).Size == ((VectorDataViewType)label.Type).Size);

        var names = ScoreAnnotations.SlotNamesOf(predicted) ?? ScoreAnnotations.SlotNamesOf(label);
        var counter = new LabelSetCounter();
        using var cursor = data.GetRowCursor([label, predicted]);
        var (labels, predictions) = (OpenLabelSet(cursor, label, names), OpenLabelSet(cursor, predicted, names));
        while (cursor.MoveNext())
            counter.Add(labels(), predictions());
        return counter.Rows > 0 ? counter.Measure() : throw new InvalidOperationException("There are no rows to measure: the data is empty.");
    }

    private static Func<IEnumerable<string>> OpenLabelSet(DataViewRow row, DataViewSchema.Column column, string[]? names)
    {
        if (IsTextVector(column.Type))
        {
            var read = OpenTexts(row, column);
            return () => read().Where(name => name.Length > 0);
        }

        var getter = row.GetGetter<VBuffer<bool>>(column);
        VBuffer<bool> values = default;
        return () =>
        {
            getter(ref values);
            return values.DenseValues().Select((value, index) => (value, index)).Where(slot => slot.value)
                .Select(slot => names?[slot.index] ?? FormattableString.Invariant($"{slot.index}"));
        };
    }

    private static bool IsBooleanVector(DataViewType type) => type is VectorDataViewType { ItemType: BooleanDataViewType, IsKnownSize: true };
}
