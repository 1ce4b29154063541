using System.Buffers;
using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Text from SentencePiece's pieces, as SentencePiece 0.1.97 decodes them (<c>SentencePieceProcessor::Decode</c>).</summary>
/// <remarks>
/// The space that was put before the text goes away, and all spaces there if the model removes extra ones. Pieces of bytes that stand together are read
/// as UTF-8; each byte that is none becomes U+FFFD. The beginning of a character waits for its end.
/// </remarks>
/// <param name="pieceOf">The piece of an id; null for what stands for no text.</param>
/// <param name="byteOf">The byte that a piece stands for; null for others.</param>
internal sealed class SentencePieceDecoder(SentencePieceModel model, Func<int, string?> pieceOf, Func<int, byte?> byteOf) : TokenDecoder
{
    private readonly List<byte> _bytes = [];

    /// <summary>Whether a space that begins the next piece is the one before the text.</summary>
    private bool _atStart = model.AddDummyPrefix || model.RemoveExtraSpace;

    public override string Add(int id)
    {
        if (byteOf(id) is { } value)
        {
            _bytes.Add(value);
            return Begun(TakeBytes(all: false));
        }

        if (pieceOf(id) is not { } piece)
            return "";

        var bytes = Begun(TakeBytes(all: true));
        if (_atStart && piece.StartsWith(SentencePieceNormalizer.EscapedSpace))
        {
            piece = piece[1..];
            _atStart = model.RemoveExtraSpace;
        }

        return bytes + Begun(piece.Replace(SentencePieceNormalizer.EscapedSpace, ' '));
    }

    public override string Finish() => TakeBytes(all: true);

    private string Begun(string text)
    {
        _atStart &= text.Length == 0;
        return text;
    }

    private string TakeBytes(bool all)
    {
        if (_bytes.Count == 0)
            return "";

        var text = new StringBuilder();
        ReadOnlySpan<byte> rest = _bytes.ToArray();
        while (!rest.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(rest, out var rune, out var read);
            if (status == OperationStatus.NeedMoreData && !all)
                break;

            text.Append(rune.ToString());
            rest = rest[(status == OperationStatus.Done ? read : 1)..];
        }

        _bytes.RemoveRange(0, _bytes.Count - rest.Length);
        return text.ToString();
    }
}
