using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>The kind of a SentencePiece model's piece; the numbers are those of the file.</summary>
internal enum PieceType
{
    Normal = 1,
    Unknown = 2,

    /// <summary>A special token, which occurs in no text.</summary>
    Control = 3,

    /// <summary>A piece that is never cut and never normalised.</summary>
    UserDefined = 4,

    Unused = 5,

    /// <summary>One byte of a character without a piece of its own, as <c>&lt;0x41&gt;</c>.</summary>
    Byte = 6,
}

/// <summary>A piece of text that has an id, its number in the model.</summary>
/// <param name="Score">The logarithm of its probability.</param>
internal readonly record struct SentencePiece(string Text, float Score, PieceType Type);

/// <summary>A SentencePiece model of the unigram kind (Kudo &amp; Richardson 2018): pieces, their scores, and how texts are normalised.</summary>
/// <remarks>
/// The file is a protocol buffers message: <c>pieces = 1 { piece = 1, score = 2, type = 3 }</c>,
/// <c>trainer_spec = 2 { model_type = 3, treat_whitespace_as_suffix = 24, byte_fallback = 35 }</c>, <c>normalizer_spec = 3 {
/// precompiled_charsmap = 2, add_dummy_prefix = 3, remove_extra_whitespaces = 4, escape_whitespaces = 5 }</c>; the other fields concern training.
/// Microsoft.ML.Tokenizers reads no such model without pieces for begin and end (ALBERT's has none: the constructor fails), and its offsets point
/// into the normalised text.
/// </remarks>
internal sealed class SentencePieceModel
{
    private const ulong Unigram = 1;

    private readonly List<SentencePiece> _pieces = [];
    private ulong _modelType = Unigram;
    private bool _spaceBehindWords;
    private bool _byteFallback;
    private bool _saysNormalization;

    private SentencePieceModel(string path) => Path = path;

    public string Path { get; }

    /// <summary>The pieces; each one's number is its id.</summary>
    public IReadOnlyList<SentencePiece> Pieces => _pieces;

    public int UnknownId { get; private set; }

    /// <summary>Ids of the bytes that unknown characters are cut into; null where they are unknown as a whole.</summary>
    public int[]? ByteIds { get; private set; }

    /// <summary>The replacements of characters; null if characters stay as they are.</summary>
    public CharacterMap? CharacterMap { get; private set; }

    /// <summary>Whether every text is read as if it began with a space.</summary>
    public bool AddDummyPrefix { get; private set; } = true;

    public bool RemoveExtraSpace { get; private set; } = true;

    /// <summary>Whether spaces are written as <c>▁</c>, U+2581.</summary>
    public bool EscapeSpace { get; private set; } = true;

    /// <param name="path">The file.</param>
    /// <param name="appended">Pieces behind those of the file, with bytes among them; not if the file has the first of them.</param>
    /// <exception cref="InvalidDataException">The file is corrupt, or no SentencePiece model.</exception>
    /// <exception cref="NotSupportedException">The model is of another kind than unigram.</exception>
    public static SentencePieceModel Read(string path, IReadOnlyList<SentencePiece>? appended = null)
    {
        var model = new SentencePieceModel(path);
        try
        {
            model.Parse(File.ReadAllBytes(path));
            if (appended is [var first, ..] && !model._pieces.Exists(piece => piece.Text == first.Text))
            {
                model._pieces.AddRange(appended);
                model._byteFallback = true;
            }

            model.RequireSupport();
            model.RequirePieces();
        }
        catch (FormatException wrong)
        {
            throw new InvalidDataException(
                $"{path}: expected a SentencePiece model, but {wrong.Message}. Fetch the file again (it may be cut short, or a Git LFS pointer).",
                wrong);
        }

        return model;
    }

    private void Parse(ReadOnlySpan<byte> file)
    {
        for (var fields = new ProtobufFields(file); fields.MoveNext();)
        {
            switch (fields.Number)
            {
                case 1:
                    _pieces.Add(ParsePiece(fields.Bytes));
                    break;
                case 2:
                    ParseTrainer(fields.Bytes);
                    break;
                case 3:
                    ParseNormalizer(fields.Bytes);
                    break;
            }
        }
    }

    private static SentencePiece ParsePiece(ReadOnlySpan<byte> message)
    {
        var (text, score, type) = ("", 0f, PieceType.Normal);
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            switch (fields.Number)
            {
                case 1:
                    text = fields.Text;
                    break;
                case 2:
                    score = fields.Float;
                    break;
                case 3:
                    type = (PieceType)fields.Varint;
                    break;
            }
        }

        return new SentencePiece(text, score, type);
    }

    private void ParseTrainer(ReadOnlySpan<byte> message)
    {
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            switch (fields.Number)
            {
                case 3:
                    _modelType = fields.Varint;
                    break;
                case 24:
                    _spaceBehindWords = fields.Flag;
                    break;
                case 35:
                    _byteFallback = fields.Flag;
                    break;
            }
        }
    }

    private void ParseNormalizer(ReadOnlySpan<byte> message)
    {
        _saysNormalization = true;
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            switch (fields.Number)
            {
                case 2:
                    CharacterMap = fields.Bytes.IsEmpty ? null : new CharacterMap(fields.Bytes);
                    break;
                case 3:
                    AddDummyPrefix = fields.Flag;
                    break;
                case 4:
                    RemoveExtraSpace = fields.Flag;
                    break;
                case 5:
                    EscapeSpace = fields.Flag;
                    break;
            }
        }
    }

    private void RequireSupport()
    {
        if (_modelType != Unigram)
        {
            var name = _modelType switch { 2 => "BPE", 3 => "word", 4 => "character", _ => $"unknown ({_modelType})" };
            throw new NotSupportedException(
                $"{Path}: a SentencePiece model of the {name} kind is not supported; expected a unigram model, as ALBERT, XLM-R and DeBERTa have. " +
                "Use a backbone with one of these.");
        }

        if (_spaceBehindWords)
        {
            throw new NotSupportedException(
                $"{Path}: a SentencePiece model with treat_whitespace_as_suffix is not supported; expected spaces before words. " +
                "Use a backbone with ALBERT's, XLM-R's or DeBERTa's tokenizer.");
        }
    }

    private void RequirePieces()
    {
        if (!_saysNormalization)
            throw new FormatException("it does not say how texts are normalised (normalizer_spec), which stands behind the pieces");

        var texts = new HashSet<string>(_pieces.Count, StringComparer.Ordinal);
        foreach (var (text, score, type) in _pieces)
        {
            if (text.Length == 0)
                throw new FormatException("it has a piece without text");
            if (!texts.Add(text))
                throw new FormatException($"the piece '{text}' stands there twice");
            if (!float.IsFinite(score))
                throw new FormatException($"the piece '{text}' has the score {score}");
            if (!Enum.IsDefined(type))
                throw new FormatException($"the piece '{text}' is of type {(int)type}, which is none");
        }

        if (_pieces.Count(piece => piece.Type == PieceType.Unknown) is not 1 and var found)
            throw new FormatException($"it has {found} pieces for unknown characters among {_pieces.Count}, not one");
        UnknownId = _pieces.FindIndex(piece => piece.Type == PieceType.Unknown);

        if (_byteFallback)
            ByteIds = FindBytes(_pieces);
    }

    /// <returns>The id of each byte's piece.</returns>
    /// <exception cref="FormatException">A byte has none.</exception>
    private static int[] FindBytes(List<SentencePiece> pieces) => [.. Enumerable.Range(0, byte.MaxValue + 1).Select(value =>
        pieces.FindIndex(piece => piece.Type == PieceType.Byte && piece.Text == $"<0x{value:X2}>") is >= 0 and var id
            ? id
            : throw new FormatException($"it cuts unknown characters into bytes (byte_fallback) and has no piece <0x{value:X2}>"))];
}
