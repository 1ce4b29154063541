namespace Microsoft.ML.PTuning;

/// <summary>How a language model writes: how many tokens, and which of those that its scores allow.</summary>
/// <remarks>
/// By default it writes the most probable token each time (greedy search), until it writes the end of the text. <see cref="Beams"/> above 1 is beam
/// search, <see cref="Samples"/> draws at random.
/// </remarks>
/// <example>
/// <code>
/// var careful = new GenerationSettings { MaxNewTokens = 40, Beams = 4 };
/// var varied = new GenerationSettings { Samples = true, Temperature = 0.8, TopP = 0.95, Seed = 1 };
/// </code>
/// </example>
public sealed class GenerationSettings
{
    /// <summary>The largest number of tokens that are written, the end of the text included; 64 by default.</summary>
    public int MaxNewTokens { get; init; } = Default.MaxNewTokens;

    /// <summary>The text does not end before so many tokens, unless a stop text does; 0 by default.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>Beams of beam search; 1, the default, for none.</summary>
    public int Beams { get; init; } = 1;

    /// <summary>
    /// A text's score is its log-probability, divided by its number of tokens to this power: 1, the default, is the mean per token, 0 the sum. More favours
    /// longer texts.
    /// </summary>
    public double LengthPenalty { get; init; } = 1;

    /// <summary>
    /// Texts per row, best first; at most <see cref="Beams"/>, or any number where it <see cref="Samples"/>, which may draw the same text twice. 1 by default.
    /// </summary>
    public int Candidates { get; init; } = 1;

    /// <summary>Whether each token is drawn at random by its probability.</summary>
    public bool Samples { get; init; }

    /// <summary>Divides the scores before a token is drawn: below 1 for safer, above 1 for more surprising texts. 1 by default.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Draws among so many of the most probable tokens (Fan et al. 2018); 0, the default, for all.</summary>
    public int TopK { get; init; }

    /// <summary>Draws among the most probable tokens that together have this probability (Holtzman et al. 2020); 1, the default, for all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>
    /// Divides the positive scores of tokens that were written already, and multiplies the negative ones (Keskar et al. 2019); those of the text that is
    /// read do not count. 1, the default, for no penalty. Beam search does so with logarithms of probabilities.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Ends a text in front of the first of these; empty by default.</summary>
    public IReadOnlyList<string> StopTexts { get; init; } = [];

    /// <summary>Seed of what is drawn. The same seed and row give the same text, whatever other rows there are. 0 by default.</summary>
    public int Seed { get; init; }

    /// <summary>What differs from the defaults: <c>MaxNewTokens 40, Beams 4</c>.</summary>
    /// <example>
    /// <code>
    /// var careful = new GenerationSettings { MaxNewTokens = 40, Beams = 4 };
    /// Console.WriteLine(careful.ToString()); // MaxNewTokens 40, Beams 4
    /// </code>
    /// </example>
    public override string ToString()
    {
        var usual = new GenerationSettings();
        var changed = typeof(GenerationSettings).GetProperties()
            .Where(property => property.Name != nameof(StopTexts) && !Equals(property.GetValue(this), property.GetValue(usual)))
            .Select(property => FormattableString.Invariant($"{property.Name} {property.GetValue(this)}"))
            .Concat(StopTexts.Select(text => $"StopText '{text}'"));
        return string.Join(", ", changed.DefaultIfEmpty("defaults"));
    }

    internal void Check()
    {
        OptionRange.AtLeast(MaxNewTokens, 1);
        OptionRange.AtLeast(MinNewTokens, 0);
        OptionRange.AtLeast(Beams, 1);
        OptionRange.AtLeast(Candidates, 1);
        OptionRange.AtLeast(TopK, 0);
        if (MinNewTokens > MaxNewTokens)
            throw Wrong(nameof(MinNewTokens), MinNewTokens, $"at most MaxNewTokens, {MaxNewTokens}");
        if (!double.IsFinite(LengthPenalty))
            throw Wrong(nameof(LengthPenalty), LengthPenalty, "a number; 1 is usual");
        if (!(Temperature > 0) || !double.IsFinite(Temperature))
            throw Wrong(nameof(Temperature), Temperature, "above 0; for the most probable token each time, turn Samples off");
        if (!(TopP > 0 && TopP <= 1))
            throw Wrong(nameof(TopP), TopP, "above 0 and at most 1");
        if (!(RepetitionPenalty > 0) || !double.IsFinite(RepetitionPenalty))
            throw Wrong(nameof(RepetitionPenalty), RepetitionPenalty, "above 0; 1 for no penalty, 1.2 is usual");
        if (StopTexts is null || StopTexts.Any(string.IsNullOrEmpty))
            throw new ArgumentException("One of the StopTexts is null or empty. Leave it out.", nameof(StopTexts));
        if (Samples && Beams > 1)
            throw new ArgumentException($"Samples and {Beams} Beams exclude each other. Turn Samples off, or use 1 beam.", nameof(Samples));
        if (Candidates > 1 && !Samples && Candidates > Beams)
            throw Wrong(nameof(Candidates), Candidates, $"at most Beams, {Beams}, or any number with Samples");
        if (!Samples && (Temperature != 1 || TopK != 0 || TopP != 1))
            throw new ArgumentException(
                "Temperature, TopK and TopP say how tokens are drawn, but Samples is off. Turn it on, or leave them out.", nameof(Samples));
    }

    private static ArgumentOutOfRangeException Wrong(string name, object value, string expected) =>
        new(name, value, FormattableString.Invariant($"{name} is {value}; expected {expected}."));
}
