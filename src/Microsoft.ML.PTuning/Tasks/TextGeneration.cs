using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Generation;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A text for a text: a summary, a description, a reply. A frozen language model writes it under the trained method.</summary>
internal sealed record TextGeneration : PromptTask
{
    public required string TextColumnName { get; init; }

    public required string LabelColumnName { get; init; }

    public required string GeneratedTextColumnName { get; init; }

    public required string CandidatesColumnName { get; init; }

    public required string ScoreColumnName { get; init; }

    /// <summary>How texts are written.</summary>
    public required GenerationSettings Generation { get; init; }

    /// <inheritdoc cref="PTuningV2Trainer.TextGenerationOptions.ContinuesText"/>
    public bool? ContinuesText { get; init; }

    /// <inheritdoc cref="Backbone.DecoderStart"/>
    public int? DecoderStart { get; init; }

    public override string ScoreColumnKind => "TextGeneration";

    public override IReadOnlyList<InputColumn> Inputs => [InputColumn.Text(TextColumnName, "text")];

    public override IReadOnlyList<InputColumn> LabelColumns => [InputColumn.Text(LabelColumnName, "label")];

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<WrittenPrediction, ReadOnlyMemory<char>>(
            GeneratedTextColumnName, TextDataViewType.Instance, ColumnSize.Scalar, IsKey: false, ScoreAnnotations.PredictedLabel,
            LabelAnnotation.None, (WrittenPrediction row, ref ReadOnlyMemory<char> value) => value = row.Texts[0].AsMemory()),
        new OutputColumn<WrittenPrediction, VBuffer<ReadOnlyMemory<char>>>(
            CandidatesColumnName, TextDataViewType.Instance, ColumnSize.PerRow, IsKey: false, ScoreAnnotations.PredictedLabel,
            LabelAnnotation.None, (WrittenPrediction row, ref VBuffer<ReadOnlyMemory<char>> value) =>
                Array.ConvertAll(row.Texts, text => text.AsMemory()).CopyTo(ref value)),
        new OutputColumn<WrittenPrediction, VBuffer<float>>(
            ScoreColumnName, NumberDataViewType.Single, ColumnSize.PerRow, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.None, (WrittenPrediction row, ref VBuffer<float> value) => row.Scores.CopyTo(ref value)),
    ];

    public override TaskHead Head => new LanguageModelHead();

    public override EpochRule Epochs => EpochRule.Tokens;

    /// <summary>The share of the right text's tokens that are the most probable ones after those before them.</summary>
    public override string MetricName => "token accuracy";

    public override bool NeedsLanguageHead => true;

    public override int DecoderLength => Generation.MaxNewTokens;

    public override int WrittenCopies => Math.Max(Generation.Beams, Generation.Candidates);

    public override BatchWriter? Writer => Write;

    public override PromptTask ForBackbone(Backbone backbone) => this with { DecoderStart = backbone.DecoderStart };

    public override PromptTask ForTargets(ExampleSet training) => training.Examples.Count > 0
        ? this
        : throw new InvalidOperationException(
            $"There is no row to learn from: column '{LabelColumnName}' has no text in any of the {training.Skipped} training rows.");

    public override string? FindMisfit(Backbone backbone) =>
        backbone.Writes && ContinuesText == true && backbone.DecoderStart is not null
            ? $"ContinuesText is true, but what {backbone.Configuration.ModelType} writes begins with a token of its own. Leave it out."
        : backbone.Writes ? null
        : $"an encoder of the family {backbone.Configuration.ModelType} does not write text. "
            + $"Use a language model: {BackboneFamilies.Writing}.";

    public override string? FindMisfit(TuningMethod method) =>
        method is LinearProbe
            ? "a linear probe trains the head alone, and the head of a language model is not trained. Use a method that changes the encoder; PrefixLength 0 is none."
        : base.FindMisfit(method);

    public override string? FindMisfit(TextTokenizer tokenizer)
    {
        var special = GapRow.AddedTokens(tokenizer, pair: false);
        return tokenizer.Generation is null ? "its tokenizer does not say where a written text begins and ends. Use the files of a language model."
            : ContinuesText == true && tokenizer.Generation.Masks.Count > 0
                ? "ContinuesText is true, but what this language model writes fills a mask of the text. Leave it out."
            : MaxLength <= special ? $"MaxLength is {MaxLength}, but {special} special tokens stand around a text. Use more."
            : null;
    }

    public override Func<PendingExample?> OpenRow(DataViewRow row, bool withTarget)
    {
        var read = OpenText(row, TextColumnName);
        var readTarget = withTarget ? OpenText(row, LabelColumnName) : null;
        return () =>
        {
            var (text, target) = (read(), readTarget?.Invoke());
            return target?.Length == 0 ? null : tokenizer => Encode(tokenizer, text, target);
        };
    }

    /// <param name="target">The text that should follow; null to write one.</param>
    public Example Encode(TextTokenizer tokenizer, string text, string? target) =>
        TextPart.Encode(tokenizer, DecoderStart, ContinuesText == true, text, target, MaxLength, Generation.MaxNewTokens);

    /// <summary>The sum of the right tokens' negative log-probabilities.</summary>
    public override Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts) =>
        outputs.select(2, LanguageModelHead.LogProbability).sum().neg();

    /// <summary>Counts the tokens of the right texts.</summary>
    public override double LossWeight(IReadOnlyList<ExamplePart> parts) => parts.Sum(part => part.Target.Length);

    public override Prediction Decode(Example example, IReadOnlyList<float[]> outputs)
    {
        var row = (TextPart)example.Parts[0];
        if (row.Target.Length > 0)
            return new WrittenPrediction([], []) { IsRight = [.. outputs[0].Chunk(LanguageModelHead.Width).Select(token => token[LanguageModelHead.IsRight] > 0)] };

        (float Score, string Text)[] written =
            [.. WrittenPrediction.Unpack(outputs[0]).Select(text => (text.Score, TextOf(row.Tokenizer, text.Tokens)))];
        return new WrittenPrediction([.. written.Select(text => text.Text)], [.. written.Select(text => text.Score)]);
    }

    public override double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples) =>
        predictions.SelectMany(prediction => ((WrittenPrediction)prediction).IsRight).Average(isRight => isRight ? 1 : 0);

    /// <summary>The share of the most frequent token.</summary>
    public override double Baseline(IReadOnlyList<Example> examples)
    {
        int[] tokens = [.. TokensOf(examples)];
        return (double)tokens.GroupBy(token => token).Max(same => same.Count()) / tokens.Length;
    }

    /// <summary>The mean loss of tokens that are predicted with the probabilities of their frequencies.</summary>
    public override double? GuessingLoss(IReadOnlyList<Example> examples) => Entropy(TokensOf(examples));

    public override string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples) =>
        predictions.Count > 1 && predictions.All(prediction => !((WrittenPrediction)prediction).IsRight.Contains(true))
            ? "The model foresees no token of any text: training has collapsed. Lower the learning rate (try a fifth of it), or train longer."
            : null;

    protected override void CheckRead()
    {
        base.CheckRead();
        try
        {
            Generation.Check();
        }
        catch (ArgumentException e)
        {
            throw new JsonException($"The task's generation is wrong. {e.Message}");
        }
    }

    private static IEnumerable<int> TokensOf(IReadOnlyList<Example> examples) => examples.SelectMany(example => ((TextPart)example.Parts[0]).NextIds);

    private float[][] Write(
        PromptedEncoder encoder, TrainedTensors tensors, EncodedBatch batch, IReadOnlyList<ExamplePart> parts, Action checkCancelled)
    {
        using var stream = new TokenStream(encoder, tensors, batch);
        var search = ITextSearch.For(Generation, EndOf(((TextPart)parts[0]).Tokenizer, encoder.Backbone));
        return [.. search.Write(stream, [.. parts.Select(SeedOf)], checkCancelled).Select(texts => WrittenPrediction.Pack(texts, Generation.LengthPenalty))];
    }

    /// <summary>Writes a single text and tells it piece by piece.</summary>
    /// <param name="part">The text to go on from.</param>
    /// <param name="onText">Is called with each piece, on the thread that computes.</param>
    public string Write(
        PromptedEncoder encoder, TrainedTensors tensors, Device device, TextPart part, Action<string> onText, Action checkCancelled)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var told = new ToldText(part.Tokenizer.OpenDecoder(), Generation.StopTexts, onText);
        var batch = EncodedRow.Collate([part.Row], part.Tokenizer.PadId, device);
        using var stream = new TokenStream(encoder, tensors, batch);
        var search = new SingleSearch(Generation, EndOf(part.Tokenizer, encoder.Backbone)) { OnToken = (_, id) => told.Add(id) };
        var written = search.Write(stream, [SeedOf(part)], checkCancelled)[0][0];
        told.Finish();
        return TextOf(part.Tokenizer, [.. written.Tokens]);
    }

    private TextEnd EndOf(TextTokenizer tokenizer, Backbone backbone) => new(
        tokenizer.Generation!.End, Generation.StopTexts.Count == 0 ? null : tokens => StopIn(tokenizer.Decode(tokens)) >= 0, backbone.ForcesEnd);

    private static int SeedOf(ExamplePart part) => StableHash.Of([.. part.Sequences[0].Ids, .. part.Sequences[0].DecoderIds]);

    private string TextOf(TextTokenizer tokenizer, int[] tokens)
    {
        var text = tokenizer.Decode(tokens);
        var stop = StopIn(text);
        return (stop < 0 ? text : text[..stop]).Trim();
    }

    private int StopIn(string text) => ToldText.StopIn(text, Generation.StopTexts);
}
