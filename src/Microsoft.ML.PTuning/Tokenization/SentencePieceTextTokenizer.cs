namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>How a family numbers the pieces of its SentencePiece model.</summary>
/// <param name="Offset">What is added to a piece's number in the model.</param>
/// <param name="UnknownId">Id of unknown characters.</param>
internal sealed record PieceNumbering(int Offset, int UnknownId);

/// <summary>ALBERT's, XLM-R's, DeBERTa's, GLM's and ChatGLM's tokenizer: SentencePiece with a unigram model, under each family's numbering.</summary>
/// <remarks>
/// Unknown characters that stand together are one token, as in SentencePiece, unless the model cuts them into bytes (DeBERTa-v3's does; Hugging
/// Face's fast tokenizer leaves that out and has one unknown token there, its slow one does as here). Offsets leave out the space
/// before a word, as those of byte-level BPE do; a token of nothing but the space keeps it.
/// </remarks>
internal sealed class SentencePieceTextTokenizer : SubwordTokenizer
{
    private readonly TextPreparation _preparation;
    private readonly SentencePieceNormalizer _normalizer;
    private readonly UnigramSegmenter _segmenter;
    private readonly DigitCommaRule? _digitComma;
    private readonly PieceNumbering _numbering;
    private readonly SentencePieceModel _model;
    private readonly bool _spellsWhiteSpace;
    private readonly bool _endsPiecesAtSpaces;

    /// <summary>What the pieces of bytes stand for, by their ids.</summary>
    private readonly Dictionary<int, byte> _bytes;

    /// <param name="splitDigitComma">Whether <see cref="DigitCommaRule"/> holds.</param>
    public SentencePieceTextTokenizer(
        SentencePieceModel model, PreparationSteps steps, bool splitDigitComma, PieceNumbering numbering,
        int vocabularySize, SpecialTokenLayout layout, IReadOnlyList<string> files)
        : base(vocabularySize, layout, files)
    {
        _preparation = new TextPreparation(steps);
        _normalizer = new SentencePieceNormalizer(model);
        _segmenter = new UnigramSegmenter(model);
        _digitComma = splitDigitComma ? new DigitCommaRule(model, _segmenter) : null;
        _numbering = numbering;
        _model = model;
        _spellsWhiteSpace = steps.HasFlag(PreparationSteps.SpellWhiteSpace);
        _bytes = (model.ByteIds ?? []).Select((id, value) => (id, value)).ToDictionary(one => one.id + numbering.Offset, one => (byte)one.value);
        _endsPiecesAtSpaces = model.EscapeSpace && model.Pieces.Any(IsSpace) && !model.Pieces.Any(ReachesOverSpace);
    }

    public override string? TokenOf(int id) => Piece(id)?.Text;

    public override int? UnknownId => _model.ByteIds is null ? _numbering.UnknownId : null;

    public override TokenDecoder OpenDecoder() => new SentencePieceDecoder(_model, PieceOf, id => _bytes.TryGetValue(id, out var value) ? value : null);

    protected override IReadOnlyList<Token> TokenizePlain(string text, bool asWord)
    {
        var normalized = _normalizer.Normalize(_preparation.Prepare(text));
        var pieces = _segmenter.Cut(normalized.Characters);
        if (_digitComma is not null)
            pieces = _digitComma.Apply(pieces, normalized.Characters);

        var tokens = new List<Token>(pieces.Count);
        for (var i = 0; i < pieces.Count; i++)
        {
            var piece = pieces[i];
            if (piece.Id != _model.UnknownId)
            {
                tokens.Add(Locate(normalized, piece.Id + _numbering.Offset, piece.Start, piece.End));
            }
            else if (_model.ByteIds is not null)
            {
                AddBytes(tokens, normalized, piece);
            }
            else
            {
                while (i + 1 < pieces.Count && pieces[i + 1].Id == _model.UnknownId)
                    i++;
                tokens.Add(Locate(normalized, _numbering.UnknownId, piece.Start, pieces[i].End));
            }
        }

        return tokens;
    }

    /// <remarks>
    /// No piece reaches over a space, so the best pieces before one do not depend on what stands behind it. A spelled line break is no space.
    /// </remarks>
    protected override bool IsBreak(string text, int at) =>
        _endsPiecesAtSpaces && IsBetweenWords(text, at) && !(_spellsWhiteSpace && text[at] == '\n');

    private SentencePiece? Piece(int id) =>
        id - _numbering.Offset is var number && number >= 0 && number < _model.Pieces.Count ? _model.Pieces[number] : null;

    /// <summary>The text of a piece, with spaces as the model writes them; null for what stands for no text.</summary>
    private string? PieceOf(int id) => Piece(id) switch
    {
        null or { Type: PieceType.Control or PieceType.Unknown } => null,
        _ when SpecialIds.Contains(id) => null,
        { } piece => (_spellsWhiteSpace ? WhiteSpacePieces.Read(piece.Text) : null) ?? piece.Text,
    };

    private static bool IsSpace(SentencePiece piece) =>
        piece.Type == PieceType.Normal && piece.Text is [SentencePieceNormalizer.EscapedSpace];

    private static bool ReachesOverSpace(SentencePiece piece) =>
        piece.Text.Contains(' ') || piece.Text.AsSpan().TrimStart(SentencePieceNormalizer.EscapedSpace).Contains(SentencePieceNormalizer.EscapedSpace);

    private void AddBytes(List<Token> tokens, NormalizedText normalized, PlacedPiece piece)
    {
        Span<byte> bytes = stackalloc byte[4];
        foreach (var rune in normalized.Characters[piece.Start..piece.End].EnumerateRunes())
        {
            foreach (var value in bytes[..rune.EncodeToUtf8(bytes)])
                tokens.Add(Locate(normalized, _model.ByteIds![value] + _numbering.Offset, piece.Start, piece.End));
        }
    }

    private static Token Locate(NormalizedText normalized, int id, int start, int end)
    {
        var word = start;
        while (word < end && normalized.Characters[word] == SentencePieceNormalizer.EscapedSpace)
            word++;
        return normalized.Locate(id, word < end ? word : start, end);
    }
}
