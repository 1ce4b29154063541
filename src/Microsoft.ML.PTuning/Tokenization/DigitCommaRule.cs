using System.Buffers;
using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>ALBERT's own rule after SentencePiece: a piece that ends with a digit and a comma is cut again without the comma.</summary>
/// <remarks><c>▁9,</c> becomes <c>▁9</c> and <c>,</c>: numbers do not hold the comma behind them (Lan et al. 2020, <c>tokenization.py</c>).</remarks>
internal sealed class DigitCommaRule(SentencePieceModel model, UnigramSegmenter segmenter)
{
    private const char Space = SentencePieceNormalizer.EscapedSpace;

    private readonly Dictionary<string, int> _ids =
        model.Pieces.Select((piece, id) => (piece.Text, id)).ToDictionary(piece => piece.Text, piece => piece.id, StringComparer.Ordinal);

    public List<PlacedPiece> Apply(List<PlacedPiece> pieces, ReadOnlySpan<char> text)
    {
        var applied = new List<PlacedPiece>(pieces.Count);
        foreach (var piece in pieces)
        {
            if (EndsWithDigitAndComma(text[piece.Start..piece.End]))
                AddCutAgain(applied, piece, text);
            else
                applied.Add(piece);
        }

        return applied;
    }

    private void AddCutAgain(List<PlacedPiece> applied, PlacedPiece piece, ReadOnlySpan<char> text)
    {
        var comma = piece.End - 1;
        var number = text[piece.Start..comma];
        var shift = number[0] == Space ? 0 : 1;
        foreach (var (id, from, to) in segmenter.Cut(shift == 0 ? number : string.Concat([Space], number)))
        {
            var (start, end) = (piece.Start + from - shift, piece.Start + to - shift);
            if (start >= piece.Start)
                applied.Add(new PlacedPiece(id, start, end));
            else if (end > piece.Start)
                applied.Add(new PlacedPiece(IdOf(text[piece.Start..end]), piece.Start, end));
        }

        applied.Add(new PlacedPiece(IdOf(","), comma, piece.End));
    }

    /// <summary>A piece without the space before it is another piece, or unknown.</summary>
    private int IdOf(ReadOnlySpan<char> text) => _ids.TryGetValue(text.ToString(), out var id) ? id : model.UnknownId;

    private static bool EndsWithDigitAndComma(ReadOnlySpan<char> text) =>
        text is [.., _, ','] && Rune.DecodeLastFromUtf16(text[..^1], out var rune, out _) == OperationStatus.Done && Rune.IsDigit(rune);
}
