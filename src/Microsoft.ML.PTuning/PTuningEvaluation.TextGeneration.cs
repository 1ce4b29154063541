using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML;

public static partial class PTuningEvaluation
{
    /// <summary>Computes BLEU, ROUGE, chrF and exact match of generated texts.</summary>
    /// <remarks>Rows without a reference are skipped and counted. An empty prediction is measured as one that has nothing right.</remarks>
    /// <param name="labelColumnName">The right text; or several right texts (references), a vector of text, of which empty ones are ignored.</param>
    /// <param name="predictedLabelColumnName">The generated text.</param>
    /// <exception cref="ArgumentException">Label and prediction are the same column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">The data has no rows, or none with a reference.</exception>
    /// <example>
    /// <code>
    /// var metrics = mlContext.MulticlassClassification.EvaluateText(model.Transform(newArticles), labelColumnName: "Summary");
    /// Console.WriteLine($"ROUGE-1 {metrics.Rouge1:F3}, ROUGE-2 {metrics.Rouge2:F3}, ROUGE-L {metrics.RougeL:F3}");
    /// </code>
    /// </example>
    public static TextGenerationMetrics EvaluateText(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        string labelColumnName = "Label",
        string predictedLabelColumnName = "GeneratedText")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        RefuseSame(labelColumnName, predictedLabelColumnName);
        var label = Find(data, "label", labelColumnName, Texts, IsTextOrTextVector);
        var predicted = Find(data, "generated text", predictedLabelColumnName, "text", type => type is TextDataViewType);

        var counter = new TextGenerationCounter();
        using var cursor = data.GetRowCursor([label, predicted]);
        var (references, texts) = (OpenTexts(cursor, label), OpenTexts(cursor, predicted));
        while (cursor.MoveNext())
            counter.Add(texts()[0], references());
        return counter.Rows > 0
            ? counter.Measure()
            : throw new InvalidOperationException(counter.Skipped > 0
                ? $"There are no rows to measure: none of {counter.Skipped} has a text in the label column '{label.Name}'. Give each row a reference."
                : "There are no rows to measure: the data is empty.");
    }
}
