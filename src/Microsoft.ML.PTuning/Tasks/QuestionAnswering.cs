using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Evaluation;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>The answer to a question, cut from a context: a start and an end among its tokens (Rajpurkar et al. 2016, 2018).</summary>
/// <remarks>
/// A long context is read in overlapping windows, to its end. A question is cut to 64 tokens, or to half of the room if that is less.
/// </remarks>
internal sealed record QuestionAnswering : PromptTask
{
    /// <summary>With more, decoding would take longer than the encoder.</summary>
    public const int LargestNBest = 1000;

    public required string ContextColumnName { get; init; }

    public required string QuestionColumnName { get; init; }

    public required string TrainingAnswerColumnName { get; init; }

    public required string AnswerIndexColumnName { get; init; }

    public required string PredictedAnswerColumnName { get; init; }

    public required string ScoreColumnName { get; init; }

    public required string AnswerStartColumnName { get; init; }

    public required string NoAnswerScoreColumnName { get; init; }

    /// <summary>Largest number of answers per row.</summary>
    public required int TopK { get; init; }

    /// <summary>Number of starts and ends that are considered per window, and of answers per row.</summary>
    public required int NBest { get; init; }

    /// <summary>Longest answer in tokens.</summary>
    public required int MaxAnswerLength { get; init; }

    /// <summary>Tokens of the context that a window shares with the next.</summary>
    public required int DocumentStride { get; init; }

    /// <summary>A row has no answer if the score of "no answer" exceeds that of the best answer by more than this.</summary>
    public required double NoAnswerThreshold { get; init; }

    /// <summary>Whether training had rows without an answer. If not, every row with a context gets an answer.</summary>
    public bool AllowsNoAnswer { get; init; }

    public override string ScoreColumnKind => "QuestionAnswering";

    public override IReadOnlyList<InputColumn> Inputs =>
        [InputColumn.Text(ContextColumnName, "context"), InputColumn.Text(QuestionColumnName, "question")];

    public override IReadOnlyList<InputColumn> LabelColumns =>
    [
        InputColumn.Text(TrainingAnswerColumnName, "answer"),
        new(AnswerIndexColumnName, "answer index", [new(NumberDataViewType.Int32)],
            "It says at which character of the context the answer starts; convert it to Int32 (Transforms.Conversion.ConvertType)."),
    ];

    /// <summary>
    /// Whether padding counts as a place of an answer, as in the official code, which pads every row to one length. With batches of several lengths, a
    /// row's loss would then depend on the other rows of its batch.
    /// </summary>
    [JsonIgnore]
    public bool CountsPadding { get; init; }

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<AnswerPrediction, VBuffer<ReadOnlyMemory<char>>>(
            PredictedAnswerColumnName, TextDataViewType.Instance, ColumnSize.PerRow, IsKey: false, ScoreAnnotations.PredictedLabel,
            LabelAnnotation.None, (AnswerPrediction row, ref VBuffer<ReadOnlyMemory<char>> value) => row.Texts.CopyTo(ref value)),
        new OutputColumn<AnswerPrediction, VBuffer<float>>(
            ScoreColumnName, NumberDataViewType.Single, ColumnSize.PerRow, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.None, (AnswerPrediction row, ref VBuffer<float> value) => row.Probabilities.CopyTo(ref value)),
        new OutputColumn<AnswerPrediction, VBuffer<int>>(
            AnswerStartColumnName, NumberDataViewType.Int32, ColumnSize.PerRow, IsKey: false, ScoreAnnotations.PredictedLabel,
            LabelAnnotation.None, (AnswerPrediction row, ref VBuffer<int> value) => row.Starts.CopyTo(ref value)),
        new OutputColumn<AnswerPrediction, float>(
            NoAnswerScoreColumnName, NumberDataViewType.Single, ColumnSize.Scalar, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.None, (AnswerPrediction row, ref float value) => value = row.NoAnswerScore),
    ];

    public override TaskHead Head => new TokenHead(2, drops: false);

    public override EpochRule Epochs => EpochRule.Tokens;

    public override string MetricName => "F1";

    /// <summary>Validation batches have different lengths, so their padding never counts.</summary>
    public override PromptTask ForScoring => this with { CountsPadding = false };

    public override PromptTask ForTargets(ExampleSet training)
    {
        var without = training.Examples.Count(e => GoldOf(e).Text.Length == 0);
        return without + training.Misaligned < training.Examples.Count
            ? this with { AllowsNoAnswer = without > 0 }
            : throw new InvalidOperationException(
                $"None of the {training.Examples.Count} training rows has an answer to learn from: {without} have none (no text in column "
                + $"'{TrainingAnswerColumnName}', or an index below 0), and in {training.Misaligned} it is not where column "
                + $"'{AnswerIndexColumnName}' says, or fits into no window. The index counts the characters of column '{ContextColumnName}' "
                + "before the answer, which must stand there letter by letter.");
    }

    public override string? FindMisfit(TextTokenizer tokenizer)
    {
        var special = tokenizer.SpecialTokens(pair: true);
        var room = MaxLength - special;
        if (room < 2)
            return $"MaxLength is {MaxLength}, but {special} special tokens stand around question and context, and both need room. Use more.";

        var contextRoom = room - AnswerExample.MostOfQuestion(room);
        return DocumentStride >= contextRoom
            ? $"DocumentStride is {DocumentStride}, but with a MaxLength of {MaxLength} a long question leaves {contextRoom} tokens of the context in a "
                + $"window: the next one would be no further. Use a DocumentStride of {contextRoom - 1} or less (a third of MaxLength is usual), "
                + "or a larger MaxLength."
            : null;
    }

    public override Func<PendingExample?> OpenRow(DataViewRow row, bool withTarget)
    {
        var (context, question) = (OpenText(row, ContextColumnName), OpenText(row, QuestionColumnName));
        var gold = withTarget ? OpenGold(row) : null;
        return () =>
        {
            var (questionText, contextText, answer) = (question(), context(), gold?.Invoke());
            return tokenizer => AnswerExample.Encode(tokenizer, questionText, contextText, answer, MaxLength, DocumentStride);
        };
    }

    /// <summary>The mean of the cross-entropies of start and end over the tokens of a window.</summary>
    public override Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts)
    {
        long[] learned = [.. Enumerable.Range(0, parts.Count).Where(i => IsLearned(parts[i])).Select(i => (long)i)];
        var positions = tensor([.. learned.SelectMany(i => parts[(int)i].Target.Select(x => (long)x))], learned.Length, 2).ToDevice(outputs.device); // [S', 2]
        var logits = CountsPadding ? outputs : WithoutPadding(outputs, parts);
        if (learned.Length < parts.Count)
            logits = logits.index_select(0, tensor(learned).ToDevice(outputs.device)); // [S', T, 2]
        return nn.functional.cross_entropy(logits, positions, reduction: nn.Reduction.Sum).DividedBy(2);
    }

    /// <summary>Counts the windows of rows whose answer is at its place.</summary>
    public override double LossWeight(IReadOnlyList<ExamplePart> parts) => parts.Count(IsLearned);

    /// <summary>Answers, best first. "" precedes the answers that it outscores by more than <see cref="NoAnswerThreshold"/>.</summary>
    public override Prediction Decode(Example example, IReadOnlyList<float[]> outputs)
    {
        var row = (AnswerExample)example;
        var answers = AnswerSearch.Find(row, outputs, NBest, MaxAnswerLength).ToList();
        var none = AnswerSpan.None(AnswerSearch.ScoreOfNone(outputs));
        var noAnswerScore = answers.Count > 0 ? none.Score - answers[0].Score : float.MaxValue;
        if (AllowsNoAnswer || row.IsWindow || answers.Count == 0)
        {
            var rank = answers.FindIndex(answer => none.Score - answer.Score > NoAnswerThreshold);
            answers.Insert(rank < 0 ? answers.Count : rank, none);
        }

        var probabilities = ScorePrediction.Softmax([.. answers.Select(a => a.Score)]);
        var shown = Math.Min(TopK, answers.Count);
        return new AnswerPrediction(row.Context, [.. answers.Take(shown)], probabilities[..shown], noAnswerScore);
    }

    /// <summary>SQuAD's F1, the mean over rows. Misaligned rows count, too: they have an answer text.</summary>
    public override double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples) =>
        predictions.Zip(examples).Average(pair => AnswerMatch.F1(((AnswerPrediction)pair.First).BestText, [GoldOf(pair.Second).Text]));

    /// <summary>Finds a model that gives no answer for every row, or answers that all start at the same token.</summary>
    public override string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples)
    {
        const string Advice = "Lower the learning rate (try a fifth of it), or train longer.";
        var best = predictions.Select(p => ((AnswerPrediction)p).Best).ToArray();
        if (best.All(answer => answer.Start < 0))
            return examples.Any(e => GoldOf(e).Text.Length > 0)
                ? $"The model finds no answer in any row: training has collapsed onto the empty answer. {Advice}"
                : null;

        var positions = best.Select(answer => answer.Position).Distinct().Take(2).ToArray();
        return positions.Length == 1 && examples.Select(e => ((AnswerExample)e).GoldPosition).Distinct().Skip(1).Any()
            ? $"The model's answers all start at token {positions[0]}, whatever the text: training has collapsed onto one position. {Advice}"
            : null;
    }

    protected override void CheckRead()
    {
        base.CheckRead();
        if (TopK < 1 || NBest is < 1 or > LargestNBest || MaxAnswerLength < 1 || DocumentStride < 0 || double.IsNaN(NoAnswerThreshold))
            throw new JsonException(FormattableString.Invariant(
                $"The task's topK is {TopK}, its nBest {NBest}, its maxAnswerLength {MaxAnswerLength}, its documentStride {DocumentStride} and its ")
                + FormattableString.Invariant($"noAnswerThreshold {NoAnswerThreshold}; expected 1 or more, nBest {LargestNBest} at most, ")
                + "a documentStride of 0 or more, and a number.");
    }

    private static bool IsLearned(ExamplePart part) => part.Target.Length > 0;

    private static GoldAnswer GoldOf(Example example) => ((AnswerExample)example).Gold!;

    // Sets padding to -∞, so that it has no share in the softmax, and no gradient.
    private static Tensor WithoutPadding(Tensor logits, IReadOnlyList<ExamplePart> parts)
    {
        var length = (int)logits.size(1);
        if (parts.All(p => p.Length == length))
            return logits;

        var mask = new float[parts.Count * length];
        for (var i = 0; i < parts.Count; i++)
            mask.AsSpan(i * length + parts[i].Length, length - parts[i].Length).Fill(float.NegativeInfinity);
        return logits.Plus(tensor(mask, parts.Count, length, 1).ToDevice(logits.device)); // [S, T, 2]
    }

    private Func<GoldAnswer> OpenGold(DataViewRow row)
    {
        var text = OpenText(row, TrainingAnswerColumnName);
        var index = OpenColumn<int>(row, AnswerIndexColumnName);
        return () =>
        {
            var start = -1;
            index(ref start);
            return GoldAnswer.Of(text(), start);
        };
    }
}
