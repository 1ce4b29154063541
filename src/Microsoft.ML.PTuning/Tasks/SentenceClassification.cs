using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A class for a text or a pair of texts: cross-entropy over the head's logits.</summary>
/// <remarks>A target is a class index from 0, or a probability per class.</remarks>
internal abstract record SentenceClassification : SentenceTask
{
    public required string PredictedLabelColumnName { get; init; }

    /// <summary>The words whose scores at the pattern's mask are those of the classes; null for a trained head.</summary>
    /// <remarks>Once the classes are known, it has their order.</remarks>
    public IReadOnlyList<ClassWords>? Verbalizer { get; init; }

    /// <inheritdoc cref="VerbalizerHead(IReadOnlyList{int[][]}, bool)" path="/param[@name='sumsProbabilities']"/>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool SumsProbabilities { get; init; }

    /// <summary>Whether the verbalizer's words fill the gap token after token, a sequence per word; else they are scored at the mask alone.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool FillsGaps { get; init; }

    /// <summary>How many words per class training looks for; 0 for none.</summary>
    [JsonIgnore]
    public int WordsPerClass { get; init; }

    public override IEnumerable<int> ClassTokens => Verbalizer?.SelectMany(words => words.Tokens!).SelectMany(tokens => tokens) ?? [];

    public override PromptTask ForMethod(TuningMethod method) => Verbalizer is null
        ? this with { WordsPerClass = method.WordsPerClass, SumsProbabilities = method.WordsPerClass > 0 }
        : this with { SumsProbabilities = method.SumsProbabilities };

    public override string MetricName => "accuracy";

    public override TaskHead Head =>
        Verbalizer is null ? base.Head
        : FillsGaps ? new FillingHead()
        : new VerbalizerHead([.. Verbalizer.Select(words => words.Tokens!)], SumsProbabilities);

    public override int DecoderLength => FillsGaps ? TokensOfWords.Max(word => word.Length) : 0;

    public override bool NeedsLanguageHead => Verbalizer is not null || WordsPerClass > 0;

    /// <summary>The classes' names, as a verbalizer spells them.</summary>
    public abstract IReadOnlyList<string> ClassNames { get; }

    public override IReadOnlyList<string> ExplainedNames => ClassNames;

    public override IReadOnlyList<int> ExplainedOf(Prediction prediction) => [Predict(prediction)];

    /// <summary>log(p / (1 - p)) of a class of probability p.</summary>
    public override Tensor Evidence(Tensor outputs, int explained)
    {
        long[] others = [.. Enumerable.Range(0, (int)outputs.size(1)).Where(index => index != explained).Select(index => (long)index)];
        return outputs.select(1, explained).Plus(outputs.index_select(1, tensor(others).ToDevice(outputs.device)).logsumexp(1).neg());
    }

    // A language model that fills gaps spells a word of several tokens; an encoder has one state for a gap.
    public override PromptTask ForTokenizer(TextTokenizer tokenizer)
    {
        if (Verbalizer is null)
            return this;

        var words = ClassWords.Resolve(Verbalizer, ClassNames, tokenizer);
        var isSpelled = words.SelectMany(own => own.Tokens!).Any(tokens => tokens.Length > 1);
        return this with { Verbalizer = words, FillsGaps = isSpelled && tokenizer.Generation is { Masks.Count: > 0 } };
    }

    public override string? FindMisfit(Backbone backbone)
    {
        if (Verbalizer is null)
            return base.FindMisfit(backbone);
        if (backbone.LanguageHead is null)
            return "the Verbalizer needs the encoder's language model, which was loaded without its head.";
        if (FillsGaps && !backbone.Writes)
            return $"the Verbalizer's words fill a gap token after token, which an encoder of the family {backbone.Configuration.ModelType} does not do.";

        var words = backbone.Configuration.VocabularySize;
        return Verbalizer.SelectMany(all => all.Tokens ?? []).SelectMany(tokens => tokens).Any(token => token < 0 || token >= words)
            ? $"a word of the Verbalizer has a token beyond the encoder's vocabulary of {words}."
            : null;
    }

    public override PromptTask ForTargets(ExampleSet training) =>
        training.Examples.Select(ClassOf).Distinct().Skip(1).Any()
            ? this
            : throw new InvalidOperationException(
                $"All {training.Examples.Count} training rows have the same value in label column '{LabelColumnName}', "
                + $"{ClassName(ClassOf(training.Examples[0]))}. "
                + "Nothing can be learned from one class; check how the rows were chosen.");

    public override Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts)
    {
        outputs = FillsGaps ? ScoresOf(outputs) : outputs;
        if (parts.Any(part => part.Target.Length > 1))
        {
            var count = (int)outputs.size(1);
            var logs = SumsProbabilities ? outputs : nn.functional.log_softmax(outputs, 1);
            return logs.mul(tensor([.. parts.SelectMany(part => Probabilities(part.Target, count))], parts.Count, count).ToDevice(outputs.device)).sum().neg();
        }

        var classes = tensor([.. parts.Select(p => (long)p.Target[0])]).ToDevice(outputs.device); // [B]
        return SumsProbabilities
            ? nn.functional.nll_loss(outputs, classes, reduction: nn.Reduction.Sum)
            : nn.functional.cross_entropy(outputs, classes, reduction: nn.Reduction.Sum);
    }

    public sealed override Prediction Decode(Example example, IReadOnlyList<float[]> outputs) =>
        Decode(FillsGaps ? ScoresOf(outputs[0]) : outputs[0]);

    public override double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples) =>
        predictions.Zip(examples).Average(pair => Predict(pair.First) == ClassOf(pair.Second) ? 1.0 : 0.0);

    public override double Baseline(IReadOnlyList<Example> examples) =>
        (double)examples.GroupBy(ClassOf).Max(rows => rows.Count()) / examples.Count;

    public override double? GuessingLoss(IReadOnlyList<Example> examples) =>
        examples.Any(example => example.Parts[0].Target.Length > 1) ? null : Entropy(examples.Select(ClassOf));

    public override int? CountClasses(IReadOnlyList<Example> examples) => examples.Select(ClassOf).Distinct().Count();

    /// <summary>Finds a model that predicts one class for every row, the most frequent failure of prompt tuning.</summary>
    public override string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples)
    {
        var predicted = predictions.Select(Predict).Distinct().Take(2).ToArray();
        return predicted.Length == 1 && examples.Select(ClassOf).Distinct().Skip(1).Any()
            ? $"The model predicts {ClassName(predicted[0])} for every row: training has collapsed onto one class. "
                + "Lower the learning rate (try a fifth of it), or train longer."
            : null;
    }

    protected override void CheckRead()
    {
        base.CheckRead();
        if (Verbalizer is null)
            return;

        if (!Verbalizer.Select(words => words?.Class).SequenceEqual(ClassNames)
            || Verbalizer.Any(words => words.Tokens is not { Length: > 0 } || words.Tokens.Any(tokens => tokens is not { Length: > 0 })))
            throw new JsonException($"The task's verbalizer does not have the words and tokens of each of its {ClassNames.Count} classes in their order.");
        if (Pattern is null || !ClozePattern.Parse(Pattern).HasMask)
            throw new JsonException("The task has a verbalizer, but no pattern with {mask}.");
    }

    /// <summary>A sequence per word of the verbalizer.</summary>
    protected override IReadOnlyList<EncodedRow> Sequences(EncodedRow row) => !FillsGaps ? [row] :
    [
        .. TokensOfWords.Select(word => row with
        {
            DecoderIds = [.. row.DecoderIds, .. word[..^1]],
            NextIds = [.. Enumerable.Repeat(-1, row.DecoderIds.Length - 1), .. word],
        }),
    ];

    /// <param name="scores">A score per class.</param>
    protected abstract Prediction Decode(float[] scores);

    /// <summary>The class that scores stand for.</summary>
    protected abstract int Predict(float[] scores);

    protected abstract string ClassName(int index);

    private IEnumerable<int[]> TokensOfWords => Verbalizer!.SelectMany(words => words.Tokens!);

    /// <summary>The classes' log-probabilities: a class is written if one of its words is.</summary>
    /// <param name="words">The words' log-probabilities, <c>[B * N, 1]</c>.</param>
    /// <returns><c>[B, K]</c>.</returns>
    private Tensor ScoresOf(Tensor words)
    {
        long[] counts = [.. Verbalizer!.Select(own => (long)own.Tokens!.Length)];
        return stack([.. words.view(-1, counts.Sum()).split(counts, 1).Select(own => own.logsumexp(1))], 1);
    }

    private float[] ScoresOf(float[] words)
    {
        using var scope = NewDisposeScope();
        return [.. ScoresOf(tensor(words).view(-1, 1)).data<float>()];
    }

    private int Predict(Prediction prediction) => Predict(((ScorePrediction)prediction).Values);

    /// <summary>The class of a target, or its most probable one.</summary>
    private static int ClassOf(Example example) =>
        example.Parts[0].Target is { Length: > 1 } probabilities ? ScorePrediction.ArgMax(probabilities) : (int)example.Parts[0].Target[0];

    private static float[] Probabilities(float[] target, int classes) =>
        target.Length > 1 ? target : [.. Enumerable.Range(0, classes).Select(index => index == (int)target[0] ? 1f : 0f)];
}
