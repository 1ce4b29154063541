using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>A piece within a normalised text.</summary>
internal readonly record struct PlacedPiece(int Id, int Start, int End);

/// <summary>Cuts a normalised text into the pieces whose probabilities have the greatest product (Kudo 2018), by Viterbi's algorithm.</summary>
/// <remarks>
/// The search is that of SentencePiece 0.1.97 (<c>Model::EncodeOptimized</c>), rounding included. The best sum up to a place is stored in single
/// precision and compared with new sums in double precision. Longer pieces that end at a place come first. So among equal sums the longest piece wins,
/// unless its sum was rounded down.
/// </remarks>
internal sealed class UnigramSegmenter
{
    /// <summary>The extra cost of an unknown character over the least likely piece.</summary>
    private const float UnknownPenalty = 10;

    /// <summary>A user's own piece wins against others that cost more than this.</summary>
    private const double UserDefinedCost = 0.1;

    private readonly PieceTrie _trie;
    private readonly double[] _scores;
    private readonly int _unknownId;
    private readonly float _unknownScore;

    public UnigramSegmenter(SentencePieceModel model)
    {
        var normal = model.Pieces.Where(piece => piece.Type == PieceType.Normal).Select(piece => piece.Score).DefaultIfEmpty(0).ToArray();
        var (least, best) = (normal.Min(), Math.Max(0, normal.Max()));

        _trie = new PieceTrie(model.Pieces
            .Select((piece, id) => (piece.Text, Id: id, piece.Type))
            .Where(piece => piece.Type is PieceType.Normal or PieceType.UserDefined)
            .Select(piece => (piece.Text, piece.Id)));
        _scores = [.. model.Pieces.Select(piece => piece.Type == PieceType.UserDefined
            ? Encoding.UTF8.GetByteCount(piece.Text) * best - UserDefinedCost
            : piece.Score)];
        _unknownId = model.UnknownId;
        _unknownScore = least - UnknownPenalty;
    }

    /// <summary>The pieces in the order of the text; each unknown character is one of its own.</summary>
    /// <param name="text">Without lone surrogates.</param>
    public List<PlacedPiece> Cut(ReadOnlySpan<char> text)
    {
        var best = new (float Score, int Id, int Start)[text.Length + 1];       // of the pieces that end at a place, the one on the best way there
        for (var i = 1; i < best.Length; i++)
            best[i].Score = float.NegativeInfinity;

        for (var start = 0; start < text.Length;)
        {
            Rune.DecodeFromUtf16(text[start..], out _, out var length);
            var isPiece = false;
            for (var (end, node) = (start, PieceTrie.Root); end < text.Length && (node = _trie.Next(node, text[end])) != PieceTrie.None;)
            {
                end++;
                if (_trie.IdAt(node) is not PieceTrie.None and var id)
                {
                    isPiece |= end - start == length;
                    Reach(best, end, best[start].Score + _scores[id], id, start);
                }
            }

            if (!isPiece)
                Reach(best, start + length, (float)(best[start].Score + _unknownScore), _unknownId, start);
            start += length;
        }

        var pieces = new List<PlacedPiece>();
        for (var end = text.Length; end > 0; end = best[end].Start)
            pieces.Add(new PlacedPiece(best[end].Id, best[end].Start, end));
        pieces.Reverse();
        return pieces;
    }

    private static void Reach((float Score, int Id, int Start)[] best, int end, double score, int id, int start)
    {
        if (score > best[end].Score)
            best[end] = ((float)score, id, start);
    }
}
