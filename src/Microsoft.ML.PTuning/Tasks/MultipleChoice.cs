using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>The best of a row's choices for its premise, as in COPA (Roemmele et al. 2011). Outputs: a probability per choice.</summary>
/// <remarks>Each choice is read together with the premise and scored; the scores of a row's choices are compared.</remarks>
internal sealed record MultipleChoice : PromptTask
{
    public required string LabelColumnName { get; init; }

    public required string Sentence1ColumnName { get; init; }

    public required string ChoicesColumnName { get; init; }

    public required string ScoreColumnName { get; init; }

    public required string PredictedLabelColumnName { get; init; }

    /// <inheritdoc cref="SentenceHead(int, Pooling)" path="/param[@name='pooling']"/>
    public Pooling Pooling { get; init; }

    public override string ScoreColumnKind => "MulticlassClassification";

    public override IReadOnlyList<InputColumn> Inputs =>
    [
        InputColumn.Text(Sentence1ColumnName, "premise"),
        new(ChoicesColumnName, "choices", [ColumnForm.Texts], "Give the choices of a row as a vector of text."),
    ];

    public override IReadOnlyList<InputColumn> LabelColumns =>
    [
        new(LabelColumnName, "label", [ColumnForm.Key, new(NumberDataViewType.Int32)],
            "Give the index of the right choice, from 0: an Int32, or a UInt32 with the attribute [KeyType(count)]."),
    ];

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<ScorePrediction, uint>(
            PredictedLabelColumnName, NumberDataViewType.UInt32, ColumnSize.Scalar, IsKey: true, ScoreAnnotations.PredictedLabel, LabelAnnotation.None,
            (ScorePrediction scores, ref uint value) => value = scores.Values.Length == 0 ? 0 : (uint)ScorePrediction.ArgMax(scores.Values) + 1)
        { SizedAs = ChoicesColumnName },
        new OutputColumn<ScorePrediction, VBuffer<float>>(
            ScoreColumnName, NumberDataViewType.Single, ColumnSize.PerRow, IsKey: false, ScoreAnnotations.Score, LabelAnnotation.None,
            (ScorePrediction scores, ref VBuffer<float> value) => scores.Values.CopyTo(ref value))
        { SizedAs = ChoicesColumnName },
    ];

    public override PromptTask ForData(IDataView data, Action checkCancelled)
    {
        CheckValidation(data);
        return this;
    }

    /// <exception cref="ArgumentOutOfRangeException">The label's keys stand for values, so their order is not that of the choices.</exception>
    public override void CheckValidation(IDataView data)
    {
        if (data.Schema[LabelColumnName].Annotations.Schema.GetColumnOrNull(ScoreAnnotations.KeyValues) is not null)
            throw new ArgumentOutOfRangeException(LabelColumnName,
                $"The label column '{LabelColumnName}' is a key that stands for values (as of MapValueToKey), which are numbered in the order in which they "
                + "are met. Give the index of the right choice itself, from 0: an Int32, or a UInt32 with the attribute [KeyType(count)].");
    }

    public override TaskHead Head => new SentenceHead(1, Pooling);

    public override string MetricName => "accuracy";

    public override PromptTask ForEncoding => this with { Pooling = Pooling.Automatic };

    public override PromptTask ForBackbone(Backbone backbone) => this with { Pooling = Pooling.ResolvedOver(backbone) };

    public override string? FindMisfit(Backbone backbone) => Pooling.FindMisfit(backbone);

    public override PromptTask ForTargets(ExampleSet training) =>
        training.Examples.Any(e => e.Parts[0].Sequences.Count > 1)
            ? this
            : throw new InvalidOperationException(
                $"No training row has more than one choice in column '{ChoicesColumnName}'. Nothing can be learned from that; check the column.");

    public override string? FindMisfit(TextTokenizer tokenizer) =>
        MaxLength < GapRow.AddedTokens(tokenizer, pair: true) + 2
            ? $"MaxLength is {MaxLength}, but {GapRow.AddedTokens(tokenizer, pair: true)} special tokens stand around a premise and a choice, "
                + "and both need room. Use more."
            : null;

    public override Func<PendingExample?> OpenRow(DataViewRow row, bool withTarget)
    {
        var premise = OpenText(row, Sentence1ColumnName);
        var choices = OpenTexts(row, ChoicesColumnName);
        var label = withTarget ? OpenIndex(row, row.Schema[LabelColumnName]) : null;
        return () =>
        {
            var (text, options, right) = (premise(), choices(), label?.Invoke());
            if (right < 0 || (right is not null && options.Length == 0))
                return null;
            if (right >= options.Length)
                throw new InvalidOperationException(
                    $"Label column '{LabelColumnName}' of row {row.Position} has the index {right}, but the row has {options.Length} choices. "
                    + "Give the index of the right choice, from 0; below 0 (a missing key) where it is not known.");
            return tokenizer => Encode(text, options, right is { } index ? [index] : [], tokenizer);
        };
    }

    public override Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts)
    {
        var scores = outputs.squeeze(1).split([.. parts.Select(p => (long)p.Sequences.Count)]); // [C] per row
        return stack(scores.Zip(parts, (row, part) =>
            nn.functional.cross_entropy(row.unsqueeze(0), tensor([(long)part.Target[0]]).ToDevice(outputs.device)))).sum();
    }

    public override Prediction Decode(Example example, IReadOnlyList<float[]> outputs) =>
        new ScorePrediction(outputs.Count == 0 ? [] : ScorePrediction.Softmax(outputs[0]));

    public override double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples) =>
        predictions.Zip(examples).Average(pair => ChoiceOf(pair.First) == (int)pair.Second.Parts[0].Target[0] ? 1.0 : 0.0);

    public override double Baseline(IReadOnlyList<Example> examples) =>
        (double)examples.GroupBy(e => e.Parts[0].Target[0]).Max(rows => rows.Count()) / examples.Count;

    /// <summary>That of choosing at random.</summary>
    public override double? GuessingLoss(IReadOnlyList<Example> examples) =>
        examples.Average(example => Math.Log(Math.Max(1, example.Parts.Sum(part => part.Sequences.Count))));

    public override string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples) =>
        predictions.Select(ChoiceOf).Distinct().Take(2).Count() == 1 && examples.Select(e => e.Parts[0].Target[0]).Distinct().Skip(1).Any()
            ? $"The model takes choice {ChoiceOf(predictions[0]) + 1} in every row: training has collapsed onto a place. "
                + "Lower the learning rate (try a fifth of it), or train longer."
            : null;

    /// <summary>Prepares to read the index of the right choice, below 0 if it is unknown. Every call of the result reads the current row.</summary>
    /// <param name="label">A column of indices, or of keys: a key is the index plus 1, or 0 if it is missing.</param>
    public static Func<long> OpenIndex(DataViewRow row, DataViewSchema.Column label)
    {
        if (label.Type is KeyDataViewType)
        {
            var readKey = KeyColumn.Open(row, label);
            return () => (long)readKey() - 1;
        }
        var read = row.GetGetter<int>(label);
        return () =>
        {
            var index = 0;
            read(ref index);
            return index;
        };
    }

    private static int ChoiceOf(Prediction prediction) => ScorePrediction.ArgMax(((ScorePrediction)prediction).Values);

    private Example Encode(string premise, string[] choices, float[] target, TextTokenizer tokenizer)
    {
        if (choices.Length == 0)
            return new Example([], IsTruncated: false);

        GapRow[] encoded = [.. choices.Select(choice => GapRow.Encode(tokenizer, premise, choice, MaxLength))];
        return new Example([new ExamplePart([.. encoded.Select(e => e.Row)], target)], encoded.Any(e => e.Text.DroppedTokens > 0));
    }
}
