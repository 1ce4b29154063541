using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A task with one answer for a text, or for a pair of texts.</summary>
internal abstract record SentenceTask : PromptTask
{
    public required string LabelColumnName { get; init; }

    public required string Sentence1ColumnName { get; init; }

    /// <summary>Null for single texts.</summary>
    public string? Sentence2ColumnName { get; init; }

    public required string ScoreColumnName { get; init; }

    /// <inheritdoc cref="SentenceHead(int, Pooling)" path="/param[@name='pooling']"/>
    public Pooling Pooling { get; init; }

    public override IReadOnlyList<InputColumn> Inputs =>
        Sentence2ColumnName is null
            ? [InputColumn.Text(Sentence1ColumnName, "first text")]
            : [InputColumn.Text(Sentence1ColumnName, "first text"), InputColumn.Text(Sentence2ColumnName, "second text")];

    public override TaskHead Head => new SentenceHead(OutputSize, Pooling);

    /// <summary>The head's numbers per row.</summary>
    protected abstract int OutputSize { get; }

    public override PromptTask ForBackbone(Backbone backbone) => this with { Pooling = Pooling.ResolvedOver(backbone) };

    public override string? FindMisfit(Backbone backbone) => Pooling.FindMisfit(backbone);

    public override Func<PendingExample?> OpenRow(DataViewRow row, bool withTarget)
    {
        var first = OpenText(row, Sentence1ColumnName);
        var second = Sentence2ColumnName is null ? null : OpenText(row, Sentence2ColumnName);
        var target = withTarget ? OpenTarget(row) : null;
        return () =>
        {
            var value = target?.Invoke();
            if (withTarget && value is null)
                return null;

            var (text, pair) = (first(), second?.Invoke());
            return tokenizer => Encode(tokenizer.Encode(text, pair, MaxLength), value);
        };
    }

    public override string? FindMisfit(TextTokenizer tokenizer)
    {
        var special = tokenizer.SpecialTokens(pair: Sentence2ColumnName is not null);
        return MaxLength < special + (Sentence2ColumnName is null ? 1 : 2)
            ? $"MaxLength is {MaxLength}, but {special} special tokens stand around {(Sentence2ColumnName is null ? "a text" : "a pair of texts")}, "
                + "which need room too. Use more."
            : null;
    }

    /// <summary>Prepares to read the label. Every call of the result reads the current row, and returns null if it is missing.</summary>
    protected abstract Func<float[]?> OpenTarget(DataViewRow row);

    private static Example Encode(EncodedText text, float[]? target) => new([new ExamplePart([EncodedRow.Of(text)], target ?? [])], text.DroppedTokens > 0);
}
