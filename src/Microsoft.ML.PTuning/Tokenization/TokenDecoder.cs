using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Turns the ids of one text into text, token by token. Special tokens, and ids that the vocabulary lacks, stand for no text.</summary>
/// <remarks>All parts together are what <see cref="TextTokenizer.Decode"/> gives. Not for several threads at once.</remarks>
internal abstract class TokenDecoder
{
    /// <summary>The text that has become certain with this token; empty where it still depends on what follows.</summary>
    public abstract string Add(int id);

    /// <summary>The rest, at the end of the ids.</summary>
    public abstract string Finish();

    public string Decode(IEnumerable<int> ids)
    {
        var text = new StringBuilder();
        foreach (var id in ids)
            text.Append(Add(id));
        return text.Append(Finish()).ToString();
    }
}
