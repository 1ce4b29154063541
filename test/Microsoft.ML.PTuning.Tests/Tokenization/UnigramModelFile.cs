using System.Text;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>Writes a small SentencePiece model, field by field of <c>sentencepiece_model.proto</c>.</summary>
internal sealed class UnigramModelFile
{
    private readonly List<SentencePiece> _pieces = [];

    public IReadOnlyList<SentencePiece> Pieces => _pieces;

    /// <summary>1 unigram, 2 BPE, 3 word, 4 character.</summary>
    public int ModelType { get; init; } = 1;

    public bool ByteFallback { get; init; }

    public bool SpaceBehindWords { get; init; }

    public bool AddDummyPrefix { get; init; } = true;

    public bool RemoveExtraSpace { get; init; } = true;

    public bool EscapeSpace { get; init; } = true;

    public byte[] CharacterMap { get; init; } = [];

    /// <summary>ALBERT's special pieces in its order.</summary>
    public static UnigramModelFile Albert() => new UnigramModelFile()
        .Add("<pad>", 0, PieceType.Control).Add("<unk>", 0, PieceType.Unknown)
        .Add("[CLS]", 0, PieceType.Control).Add("[SEP]", 0, PieceType.Control).Add("[MASK]", 0, PieceType.Control);

    /// <summary>What XLM-R's model begins with.</summary>
    public static UnigramModelFile XlmRoberta() => new UnigramModelFile().AddXlmRobertaSpecials();

    /// <summary>DeBERTa-v3's special pieces in its order.</summary>
    public static UnigramModelFile DebertaV2(bool byteFallback = false) => new UnigramModelFile { ByteFallback = byteFallback }
        .Add("[PAD]", 0, PieceType.Control).Add("[CLS]", 0, PieceType.Control)
        .Add("[SEP]", 0, PieceType.Control).Add("[UNK]", 0, PieceType.Unknown);

    /// <summary>What ChatGLM-6B's model begins with.</summary>
    public static UnigramModelFile ChatGlm() => new UnigramModelFile().AddXlmRobertaSpecials()
        .Add("<pad>", 0, PieceType.Control).Add("<n>", 0, PieceType.UserDefined);

    public UnigramModelFile AddXlmRobertaSpecials() =>
        Add("<unk>", 0, PieceType.Unknown).Add("<s>", 0, PieceType.Control).Add("</s>", 0, PieceType.Control);

    public UnigramModelFile Add(string text, float score, PieceType type = PieceType.Normal)
    {
        _pieces.Add(new SentencePiece(text, score, type));
        return this;
    }

    /// <summary>The space and every character, each with the score -1.</summary>
    public UnigramModelFile AddCharacters(string characters)
    {
        foreach (var character in characters.EnumerateRunes().Select(rune => rune.ToString()).Prepend("▁").Distinct())
            Add(character, -1);
        return this;
    }

    public UnigramModelFile AddBytes()
    {
        for (var value = 0; value < 256; value++)
            Add($"<0x{value:X2}>", 0, PieceType.Byte);
        return this;
    }

    public int IdOf(string piece) => _pieces.FindIndex(other => other.Text == piece);

    public byte[] ToArray()
    {
        using var file = new MemoryStream();
        foreach (var (text, score, type) in _pieces)
        {
            using var piece = new MemoryStream();
            WriteBytes(piece, 1, Encoding.UTF8.GetBytes(text));
            WriteTag(piece, 2, 5);
            piece.Write(BitConverter.GetBytes(score));
            WriteNumber(piece, 3, (int)type);
            WriteBytes(file, 1, piece.ToArray());
        }

        using var trainer = new MemoryStream();
        WriteBytes(trainer, 1, "a field that nobody reads"u8.ToArray());
        WriteNumber(trainer, 3, ModelType);
        WriteNumber(trainer, 24, SpaceBehindWords ? 1 : 0);
        WriteNumber(trainer, 35, ByteFallback ? 1 : 0);
        WriteBytes(file, 2, trainer.ToArray());

        using var normalizer = new MemoryStream();
        WriteBytes(normalizer, 2, CharacterMap);
        WriteNumber(normalizer, 3, AddDummyPrefix ? 1 : 0);
        WriteNumber(normalizer, 4, RemoveExtraSpace ? 1 : 0);
        WriteNumber(normalizer, 5, EscapeSpace ? 1 : 0);
        WriteBytes(file, 3, normalizer.ToArray());
        return file.ToArray();
    }

    private static void WriteNumber(Stream stream, int field, int value)
    {
        WriteTag(stream, field, 0);
        WriteVarint(stream, value);
    }

    private static void WriteBytes(Stream stream, int field, byte[] bytes)
    {
        WriteTag(stream, field, 2);
        WriteVarint(stream, bytes.Length);
        stream.Write(bytes);
    }

    private static void WriteTag(Stream stream, int field, int type) => WriteVarint(stream, field << 3 | type);

    private static void WriteVarint(Stream stream, int value)
    {
        for (; value >= 0x80; value >>= 7)
            stream.WriteByte((byte)(value | 0x80));
        stream.WriteByte((byte)value);
    }
}
