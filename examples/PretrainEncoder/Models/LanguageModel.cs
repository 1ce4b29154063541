using System.Text.Json.Nodes;
using PretrainEncoder.Data;

namespace PretrainEncoder.Models;

/// <summary>A kind of language model: its shape, and what it learns from a window.</summary>
internal abstract class LanguageModel
{
    public static IReadOnlyList<LanguageModel> All { get; } = [new CausalDecoder(), new MaskedEncoder()];

    /// <summary>The family, as <c>config.json</c> names it.</summary>
    public abstract string ModelType { get; }

    public abstract string Description { get; }

    /// <summary>How many special tokens stand around a window at most.</summary>
    public abstract int SpecialTokens { get; }

    /// <summary>The factor on the first weights of the layers that add to the hidden states.</summary>
    public virtual double ResidualScale(int layers) => 1;

    /// <summary>The content of <c>config.json</c>.</summary>
    public abstract JsonObject Configuration(Settings settings, Corpus corpus);

    /// <summary>What the model learns from a window.</summary>
    public abstract PretrainingRow Row(ReadOnlySpan<ushort> window, bool endsDocument, Corpus corpus, Random random);

    protected static int[] ToInts(ReadOnlySpan<ushort> ids) => Array.ConvertAll(ids.ToArray(), id => (int)id);
}
