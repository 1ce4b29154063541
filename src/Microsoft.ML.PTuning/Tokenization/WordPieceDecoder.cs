using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Text from WordPiece's tokens: words with spaces between them, cleaned up for English.</summary>
/// <remarks>
/// The clean-up is that of transformers (<c>clean_up_tokenization_spaces</c>): spaces go from before full stops, commas, question and exclamation
/// marks, around apostrophes, and before the ends of contractions. What the normaliser changed is not restored.
/// </remarks>
/// <param name="tokenOf">A token as the vocabulary spells it; null for what stands for no text.</param>
internal sealed class WordPieceDecoder(Func<int, string?> tokenOf, bool cleansUp) : TokenDecoder
{
    private const string Continues = "##";

    /// <summary>In this order, one after the other.</summary>
    private static readonly (string Found, string Replacement)[] CleanUp =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    /// <summary>Words whose form may still change.</summary>
    private readonly StringBuilder _waiting = new();
    private bool _begun;

    public override string Add(int id)
    {
        if (tokenOf(id) is not { } token)
            return "";

        var begun = _begun;
        _begun = true;
        if (!begun || !token.StartsWith(Continues, StringComparison.Ordinal))
            return AddWord(begun ? " " + token : token);

        _waiting.Append(token, Continues.Length, token.Length - Continues.Length);
        return "";
    }

    public override string Finish() => Take();

    // The clean-up reaches over a space only at apostrophes: beside any other, what stands before it is final.
    private string AddWord(string word)
    {
        var certain = word.StartsWith(" '", StringComparison.Ordinal) || EndsInApostrophe() ? "" : Take();
        _waiting.Append(word);
        return certain;
    }

    private bool EndsInApostrophe() => _waiting.Length > 0 && _waiting[^1] == '\'';

    private string Take()
    {
        var text = _waiting.ToString();
        _waiting.Clear();
        return cleansUp ? CleanUp.Aggregate(text, (cleaned, step) => cleaned.Replace(step.Found, step.Replacement)) : text;
    }
}
