namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>The 256 printable characters that stand for bytes in the vocabulary of byte-level BPE (Radford et al. 2019).</summary>
internal static class ByteSymbols
{
    /// <summary>The character of each byte: printable Latin-1 as itself, the others from U+0100 on in their order.</summary>
    public static readonly char[] Of = Make();

    private static readonly Dictionary<char, byte> Bytes =
        Of.Select((symbol, value) => (symbol, value)).ToDictionary(one => one.symbol, one => (byte)one.value);

    /// <summary>The bytes that a token stands for; null if it has a character that stands for none.</summary>
    public static byte[]? BytesOf(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            if (!Bytes.TryGetValue(token[i], out bytes[i]))
                return null;
        }

        return bytes;
    }

    private static char[] Make()
    {
        var symbols = new char[256];
        var next = '\u0100';
        for (var value = 0; value < symbols.Length; value++)
            symbols[value] = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : next++;
        return symbols;
    }
}
