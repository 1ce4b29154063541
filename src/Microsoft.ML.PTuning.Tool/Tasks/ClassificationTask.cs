using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>One class per text or pair of texts. Labels are names; two classes are classes, too.</summary>
internal sealed class ClassificationTask : ToolTask
{
    public override string Name => "classification";

    public override string Kind => "multiclass-classification";

    public override CellType LabelType => CellType.Text;

    public override string Metric => "accuracy";

    public override bool HasNames => true;

    public override IEstimator<ITransformer> Before(MLContext mlContext, TaskColumns columns, IReadOnlyList<string>? classes) =>
        Keys(mlContext, columns.Label, classes);

    public override PTuningV2Trainer.Options Options(TaskColumns columns) => new PTuningV2Trainer.MulticlassOptions
    {
        LabelColumnName = columns.Label,
        Sentence1ColumnName = columns.Texts[0],
        Sentence2ColumnName = columns.SecondText,
    };

    public override PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options) =>
        mlContext.MulticlassClassification.Trainers.PTuningV2((PTuningV2Trainer.MulticlassOptions)options);

    public override IEstimator<ITransformer> Behind(MLContext mlContext) => mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel");

    public override Measurement Measure(MLContext mlContext, IDataView scored, string label)
    {
        var metrics = mlContext.MulticlassClassification.Evaluate(scored, label);
        var confusion = metrics.ConfusionMatrix;
        var names = ClassNames(scored.Schema[label]);
        return new Measurement(
            [
                (Metric, metrics.MicroAccuracy), ("accuracy per class, averaged", metrics.MacroAccuracy), ("log-loss", metrics.LogLoss),
            ],
            confusion.GetFormattedConfusionTable())
        {
            Confusions = new Confusions([.. names.Take(confusion.NumberOfClasses)], confusion.Counts),
        };
    }

    public override IEnumerable<Judgement> Judge(IDataView scored, IEnumerable<DataRow> rows, int label)
    {
        var scores = scored.GetColumn<float[]>("Score").Select(row => (double)row.Max());
        return Texts(scored, "PredictedLabel").Zip(scores, rows).Select(row =>
        {
            var expected = row.Third.Text(label);
            return new Judgement(expected, row.First, row.First == expected ? 1 : 0, row.Second);
        });
    }

    private static IReadOnlyList<string> ClassNames(DataViewSchema.Column column)
    {
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetKeyValues(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }
}
