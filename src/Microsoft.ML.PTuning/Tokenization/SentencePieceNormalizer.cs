using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>SentencePiece's normalisation, with offsets into the original text.</summary>
/// <remarks>
/// The model's map replaces characters (mostly NFKC; white space becomes spaces, control characters are removed). Runs of spaces become one, except
/// within a replacement or a user's own piece. Spaces at both ends are removed, a space is put before the text, and spaces are written as <c>▁</c>.
/// </remarks>
internal sealed class SentencePieceNormalizer(SentencePieceModel model)
{
    public const char EscapedSpace = '\u2581';

    private readonly char _space = model.EscapeSpace ? EscapedSpace : ' ';

    /// <summary>Pieces of the user's own, which stay as they are.</summary>
    private readonly PieceTrie _userDefined = new(
        model.Pieces.Where(piece => piece.Type == PieceType.UserDefined).Select((piece, number) => (piece.Text, number)));

    /// <param name="text">Without lone surrogates.</param>
    public NormalizedText Normalize(NormalizedText text)
    {
        var characters = text.Characters;
        var bytes = new byte[Encoding.UTF8.GetByteCount(characters)];
        Encoding.UTF8.GetBytes(characters, bytes);

        var normalized = new NormalizedText(characters.Length + 1);
        var afterSpace = model.RemoveExtraSpace;
        for (var (at, byteAt) = (0, 0); at < characters.Length;)
        {
            var (length, byteLength) = Next(characters[at..], bytes.AsSpan(byteAt), out var replacement);
            var (start, end) = text.OriginOf(at, at + length);
            var begins = true; // Within a replacement spaces stay.
            while (Rune.DecodeFromUtf8(replacement, out var rune, out var read) is System.Buffers.OperationStatus.Done)
            {
                var space = rune.Value == ' ';
                if (space && begins && afterSpace)
                {
                    normalized.ExtendLast(end);
                }
                else
                {
                    Add(normalized, rune, start, end);
                    (begins, afterSpace) = (false, space && model.RemoveExtraSpace);
                }

                replacement = replacement[read..];
            }

            at += length;
            byteAt += byteLength;
        }

        if (model.RemoveExtraSpace)
            normalized.TrimEnd(_space);
        return normalized;
    }

    private void Add(NormalizedText normalized, Rune rune, int start, int end)
    {
        if (normalized.Characters.IsEmpty && model.AddDummyPrefix)
            normalized.Add(_space, start, start);
        if (rune.Value == ' ')
            normalized.Add(_space, start, end);
        else
            normalized.Add(rune, start, end);
    }

    /// <summary>The next piece to replace and its replacement: the map's longest key. A user's own piece, or else one character, stays as it is.</summary>
    private (int Length, int ByteLength) Next(ReadOnlySpan<char> text, ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> replacement)
    {
        if (_userDefined.LongestAt(text) is > 0 and var own)
        {
            replacement = bytes[..Encoding.UTF8.GetByteCount(text[..own])];
            return (own, replacement.Length);
        }

        var mapped = 0;
        replacement = default;
        if (model.CharacterMap is not null)
            mapped = model.CharacterMap.Find(bytes, out replacement);

        var (length, byteLength) = (0, 0);
        do
        {
            Rune.DecodeFromUtf16(text[length..], out var rune, out var characters);
            length += characters;
            byteLength += rune.Utf8SequenceLength;
        }
        while (byteLength < mapped);

        if (mapped == 0)
            replacement = bytes[..byteLength];
        return (length, byteLength);
    }
}
