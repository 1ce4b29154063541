using Microsoft.ML;
using Microsoft.ML.Data;
using PaperTasks.DataSets;

namespace PaperTasks.Experiments;

/// <summary>The best of several texts for a premise.</summary>
internal sealed class ChoiceExperiment(ChoiceData data) : Experiment
{
    protected override (IDataView Train, IDataView Dev) Load(MLContext mlContext) => (Load(mlContext, data.Train), Load(mlContext, data.Dev));

    protected override IEstimator<ITransformer>? LabelsToKeys(MLContext mlContext) => null;

    protected override IReadOnlyList<KeyValuePair<string, double>> Evaluate(MLContext mlContext, IDataView scored)
    {
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(scored);
        return [KeyValuePair.Create("accuracy", metrics.MicroAccuracy)];
    }

    // ML.NET's metrics ask for columns of a fixed size, which rows know from the data only.
    private IDataView Load(MLContext mlContext, IReadOnlyList<ChoiceQuestion> rows)
    {
        var schema = SchemaDefinition.Create(typeof(ChoiceRow));
        schema[nameof(ChoiceRow.Choices)].ColumnType = new VectorDataViewType(TextDataViewType.Instance, data.Choices);
        schema[nameof(ChoiceRow.Label)].ColumnType = new KeyDataViewType(typeof(uint), data.Choices);
        return mlContext.Data.LoadFromEnumerable(
            rows.Select(row => new ChoiceRow { Sentence1 = row.Premise, Choices = [.. row.Choices], Label = (uint)row.Right }), schema);
    }

    private sealed class ChoiceRow
    {
        public string Sentence1 { get; set; } = "";

        public string[] Choices { get; set; } = [];

        /// <summary>Of the right choice, from 0: ML.NET numbers the keys of an object's property from 0, those of a column from 1.</summary>
        public uint Label { get; set; }
    }
}
