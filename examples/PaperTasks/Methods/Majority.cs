using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using PaperTasks.DataSets;

namespace PaperTasks.Methods;

/// <summary>Predicts the most frequent class, place of the right choice, answer or text of the training rows, or their mean number, whatever a row says.</summary>
/// <remarks>A word gets the tag that it has most often, predicates and other words counted apart. An unknown word gets the most frequent tag of all.</remarks>
internal sealed record Majority() : Method("majority", "the most frequent class, choice or answer, the mean number, each word's most frequent tag")
{
    public override Learned Learn(TrainingRun run, IDataView train, IDataView dev)
    {
        IEstimator<ITransformer> predictor = run.Data switch
        {
            SentenceData { IsRegression: true } data => Number(run.Context, data),
            SentenceData data => Class(run.Context, [.. data.Labels.Select(label => Share(data, row => row.Label == label))]),
            ChoiceData data => Class(run.Context, [.. Enumerable.Range(0, data.Choices).Select(choice => Share(data, row => row.Right == choice))]),
            AnswerData data => Answer(run.Context, data),
            TaggingData data => Tags(run.Context, data),
            WritingData data => Text(run.Context, data),
            _ => throw Refuse(run.Data),
        };
        return new Learned(predictor.Fit(train).Transform);
    }

    private static IEstimator<ITransformer> Number(MLContext mlContext, SentenceData data)
    {
        float mean = data.Train.Average(row => float.Parse(row.Label, NumberStyles.Float, CultureInfo.InvariantCulture));
        return mlContext.Transforms.CustomMapping<NoColumns, NumberColumn>((_, predicted) => predicted.Score = mean, contractName: null);
    }

    // The classes' shares are the scores.
    private static IEstimator<ITransformer> Class(MLContext mlContext, float[] shares)
    {
        uint likeliest = (uint)Array.IndexOf(shares, shares.Max());
        var output = SchemaDefinition.Create(typeof(ClassColumns));
        output[nameof(ClassColumns.Score)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, shares.Length);
        output[nameof(ClassColumns.PredictedLabel)].ColumnType = new KeyDataViewType(typeof(uint), shares.Length);
        return mlContext.Transforms.CustomMapping<NoColumns, ClassColumns>(
            (_, predicted) => (predicted.Score, predicted.PredictedLabel) = (shares, likeliest), contractName: null, outputSchemaDefinition: output);
    }

    private static IEstimator<ITransformer> Answer(MLContext mlContext, AnswerData data)
    {
        string answer = MostFrequent(data.Train.Select(row => row.TrainingAnswer));
        return mlContext.Transforms.CustomMapping<NoColumns, AnswerColumn>((_, predicted) => predicted.Answer = answer, contractName: null);
    }

    private static IEstimator<ITransformer> Text(MLContext mlContext, WritingData data)
    {
        string text = MostFrequent(data.Train.SelectMany(row => row.References));
        return mlContext.Transforms.CustomMapping<NoColumns, TextColumn>((_, predicted) => predicted.GeneratedText = text, contractName: null);
    }

    private static IEstimator<ITransformer> Tags(MLContext mlContext, TaggingData data)
    {
        var tagged = data.Train.SelectMany(row => row.Words.Select((word, i) => (Word: (word, IsPredicate: i == row.Predicate), Tag: row.Tags[i]))).ToList();
        Dictionary<(string, bool), string> tags = tagged.GroupBy(word => word.Word)
            .ToDictionary(word => word.Key, word => MostFrequent(word.Select(occurrence => occurrence.Tag)));
        string other = MostFrequent(tagged.Select(word => word.Tag));

        IDataView keys = mlContext.Data.LoadFromEnumerable(data.Tags.Select(tag => new TagRow { Tag = tag }));
        return mlContext.Transforms.CustomMapping<WordColumns, TagColumn>(
            (row, predicted) => predicted.PredictedTags =
                [.. row.Sentence1.Select((word, i) => tags.GetValueOrDefault((word, data.HasPredicates && i == row.Predicate), other))],
            contractName: null)
            .Append(mlContext.Transforms.Conversion.MapValueToKey("PredictedLabel", nameof(TagColumn.PredictedTags), keyData: keys));
    }

    // Of equally frequent ones the first in ordinal order.
    private static string MostFrequent(IEnumerable<string> values) =>
        values.CountBy(value => value).OrderByDescending(value => value.Value).ThenBy(value => value.Key, StringComparer.Ordinal).First().Key;

    private static float Share<TRow>(TaskData<TRow> data, Func<TRow, bool> condition)
        where TRow : IDataRow => (float)data.Train.Count(condition) / data.TrainRows;

    private sealed class NoColumns;

    private sealed class NumberColumn
    {
        public float Score { get; set; }
    }

    private sealed class ClassColumns
    {
        public float[] Score { get; set; } = [];

        /// <summary>From 0, as of every object's property; from 1 in the column.</summary>
        public uint PredictedLabel { get; set; }
    }

    private sealed class AnswerColumn
    {
        public string Answer { get; set; } = "";
    }

    private sealed class TextColumn
    {
        public string GeneratedText { get; set; } = "";
    }

    private sealed class WordColumns
    {
        public string[] Sentence1 { get; set; } = [];

        public int Predicate { get; set; }
    }

    private sealed class TagColumn
    {
        public string[] PredictedTags { get; set; } = [];
    }

    private sealed class TagRow
    {
        public string Tag { get; set; } = "";
    }
}
