using System.Buffers.Binary;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>SentencePiece's precompiled normalisation: replacements of characters or sequences of characters, all in UTF-8.</summary>
/// <remarks>
/// The bytes hold the length of a trie, the trie, and the replacements, each with a NUL behind it. The trie is a double array as darts-clone
/// writes it (Yata 2007): from a unit, byte b leads to the unit at (position ^ offset ^ b), which is its child if it bears the label b. Bit 8 says
/// that a key ends here, and the unit at (position ^ offset) then holds where its replacement begins.
/// </remarks>
internal sealed class CharacterMap
{
    private const uint LabelBits = 0x8000_00FF;
    private const uint ValueBits = 0x7FFF_FFFF;

    private readonly uint[] _units;
    private readonly byte[] _replacements;

    /// <exception cref="FormatException">The bytes are no such map.</exception>
    public CharacterMap(ReadOnlySpan<byte> precompiled)
    {
        var size = precompiled.Length > sizeof(uint) ? BinaryPrimitives.ReadUInt32LittleEndian(precompiled) : 0;
        if (size == 0 || size % sizeof(uint) != 0 || size >= precompiled.Length - sizeof(uint) || precompiled[^1] != 0)
            throw new FormatException($"its precompiled_charsmap of {precompiled.Length} bytes has no trie and replacements");

        _units = new uint[size / sizeof(uint)];
        for (var i = 0; i < _units.Length; i++)
            _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(precompiled[(sizeof(uint) * (i + 1))..]);
        _replacements = precompiled[(sizeof(uint) + (int)size)..].ToArray();
        RequireReplacements();
    }

    /// <summary>The longest key at the beginning of a text.</summary>
    /// <param name="replacement">What stands for it instead; may be empty.</param>
    /// <returns>The key's length in bytes; 0 where no key begins the text.</returns>
    public int Find(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> replacement)
    {
        replacement = default;
        var longest = 0;
        var at = Offset(_units[0]);
        for (var i = 0; i < text.Length; i++)
        {
            at ^= text[i];
            if (at >= _units.Length || (_units[at] & LabelBits) != text[i])
                break;

            var unit = _units[at];
            at ^= Offset(unit);
            if (EndsKey(unit) && at < _units.Length)
            {
                longest = i + 1;
                replacement = _replacements.AsSpan((int)(_units[at] & ValueBits));
            }
        }

        replacement = longest == 0 ? default : replacement[..replacement.IndexOf((byte)0)];
        return longest;
    }

    private void RequireReplacements()
    {
        for (var at = 0u; at < _units.Length; at++)
        {
            var unit = _units[at];
            if (unit >> 31 != 0 || !EndsKey(unit))
                continue;
            if ((at ^ Offset(unit)) is var value && (value >= _units.Length || (_units[value] & ValueBits) >= _replacements.Length))
                throw new FormatException("its precompiled_charsmap points beyond its end");
        }
    }

    private static uint Offset(uint unit) => unit >> 10 << (int)((unit & (1u << 9)) >> 6);

    private static bool EndsKey(uint unit) => (unit & (1u << 8)) != 0;
}
