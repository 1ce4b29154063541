using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A task with one answer for a text, or for a pair of texts.</summary>
internal abstract record SentenceTask : PromptTask
{
    private readonly ClozePattern? _pattern;

    public required string LabelColumnName { get; init; }

    public required string Sentence1ColumnName { get; init; }

    /// <summary>Null for single texts.</summary>
    public string? Sentence2ColumnName { get; init; }

    public required string ScoreColumnName { get; init; }

    /// <inheritdoc cref="SentenceHead(int, Pooling)" path="/param[@name='pooling']"/>
    public Pooling Pooling { get; init; }

    /// <summary>The cloze pattern that rows are read in; null for the texts alone.</summary>
    public string? Pattern
    {
        get;
        init => (field, _pattern) = (value, value is null ? null : ClozePattern.Parse(value));
    }

    public override IReadOnlyList<InputColumn> Inputs =>
        Sentence2ColumnName is null
            ? [InputColumn.Text(Sentence1ColumnName, "first text")]
            : [InputColumn.Text(Sentence1ColumnName, "first text"), InputColumn.Text(Sentence2ColumnName, "second text")];

    public override TaskHead Head => new SentenceHead(OutputSize, Pooling);

    /// <summary>The head's numbers per row.</summary>
    protected abstract int OutputSize { get; }

    public override PromptTask ForEncoding => this with { Pooling = Pooling.Automatic };

    public override PromptTask ForBackbone(Backbone backbone) => this with { Pooling = Pooling.ResolvedOver(backbone) };

    public override string? FindMisfit(Backbone backbone) => Pooling.FindMisfit(backbone);

    public override Func<PendingExample?> OpenRow(DataViewRow row, bool withTarget)
    {
        var texts = OpenSentences(row);
        var target = withTarget ? OpenTarget(row) : null;
        return () =>
        {
            var value = target?.Invoke();
            if (withTarget && value is null)
                return null;

            var (text, pair) = texts();
            return tokenizer => Encode(tokenizer, text, pair, value);
        };
    }

    /// <summary>Prepares to read the texts. Every call of the result reads the current row; the second text is null for single texts.</summary>
    public Func<(string First, string? Second)> OpenSentences(DataViewRow row)
    {
        var first = OpenText(row, Sentence1ColumnName);
        var second = Sentence2ColumnName is null ? null : OpenText(row, Sentence2ColumnName);
        return () => (first(), second?.Invoke());
    }

    /// <summary>A row as the encoder reads it, with the tokens of its texts.</summary>
    public (EncodedRow Row, IReadOnlyList<TextToken> Tokens) Locate(TextTokenizer tokenizer, string first, string? second)
    {
        if (_pattern is not null)
        {
            var row = _pattern.Encode(tokenizer, first, second, MaxLength);
            return (row.Row, row.TextTokens);
        }

        var (encoded, text) = GapRow.Encode(tokenizer, first, second, MaxLength);
        return (encoded, [.. text.Tokens.Select((token, i) => new TextToken(i, i < text.SecondStart ? 0 : 1, token.Start, token.Length))]);
    }

    /// <summary>What a prediction can be explained for: the classes, or the predicted number's column.</summary>
    public abstract IReadOnlyList<string> ExplainedNames { get; }

    /// <summary>What is explained of a prediction if the caller does not say it, as indices of <see cref="ExplainedNames"/>.</summary>
    public abstract IReadOnlyList<int> ExplainedOf(Prediction prediction);

    /// <summary>What words speak for: the log-odds of a class, or the predicted number.</summary>
    /// <param name="outputs">The head's outputs, <c>[B, K]</c>.</param>
    /// <param name="explained">Index of <see cref="ExplainedNames"/>.</param>
    /// <returns>A number per row, <c>[B]</c>.</returns>
    public abstract Tensor Evidence(Tensor outputs, int explained);

    public override int PromptPlaces => _pattern?.PromptPlaces ?? 0;

    public override IReadOnlySet<int> FixedTokens(TextTokenizer tokenizer) => _pattern is null
        ? base.FixedTokens(tokenizer)
        : Encode(tokenizer, "", Sentence2ColumnName is null ? null : "", target: null).Parts[0].Sequences[0].Ids.ToHashSet();

    public override string? FindMisfit(TuningMethod method)
    {
        if (method.WordsPerClass > 0 && _pattern?.HasMask != true)
            return $"the method looks for {method.WordsPerClass} words per class, but {(Pattern is null ? "there is no Pattern" : $"the Pattern '{Pattern}' has no {{mask}}")}. "
                + "Give a Pattern with {mask}, where the words would stand.";
        if (method.WordsPerClass > 0 && this is SentenceClassification { Verbalizer: { } given } && given.Any(words => words.Tokens is null))
            return $"there is a Verbalizer, but the method looks for {method.WordsPerClass} words per class. Leave out one of them.";

        var places = PromptPlaces;
        if (places > 0 && method is PromptTuning { ReadsPrompt: true })
            return $"ReadsPrompt needs the prompt before the text, but the Pattern '{Pattern}' has places for it. Leave out ReadsPrompt, or the places.";

        return places > 0 && places != method.InsertedTokens
            ? $"the Pattern '{Pattern}' has places for {places} trained tokens, but the method {method.GetType().Name} has {method.InsertedTokens}. "
                + "Give the pattern as many {prompt} as the method has trained tokens; only methods that train tokens of the input have some."
            : base.FindMisfit(method);
    }

    public override string? FindMisfit(TextTokenizer tokenizer)
    {
        if (_pattern is not null)
            return _pattern.FindMisfit(tokenizer, MaxLength);

        var special = GapRow.AddedTokens(tokenizer, pair: Sentence2ColumnName is not null);
        return MaxLength < special + (Sentence2ColumnName is null ? 1 : 2)
            ? $"MaxLength is {MaxLength}, but {special} special tokens stand around {(Sentence2ColumnName is null ? "a text" : "a pair of texts")}, "
                + "which need room too. Use more."
            : null;
    }

    /// <summary>Prepares to read the label. Every call of the result reads the current row, and returns null if it is missing.</summary>
    protected abstract Func<float[]?> OpenTarget(DataViewRow row);

    protected override void CheckRead()
    {
        base.CheckRead();
        _pattern?.CheckTexts(Sentence2ColumnName);
    }

    private Example Encode(TextTokenizer tokenizer, string first, string? second, float[]? target)
    {
        if (_pattern is not null)
        {
            var (row, dropped) = _pattern.Encode(tokenizer, first, second, MaxLength);
            return Example(row, dropped);
        }
        var (encoded, text) = GapRow.Encode(tokenizer, first, second, MaxLength);
        return Example(encoded, text.DroppedTokens);

        Example Example(EncodedRow row, int dropped) => new([new ExamplePart(Sequences(row), target ?? [])], dropped > 0);
    }

    /// <summary>The sequences that are read for a row's texts.</summary>
    protected virtual IReadOnlyList<EncodedRow> Sequences(EncodedRow row) => [row];
}
