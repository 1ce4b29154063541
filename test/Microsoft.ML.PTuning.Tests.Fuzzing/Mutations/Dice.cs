namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>The random choices of one mutant, and the values that its file may get.</summary>
/// <param name="seed">Of the run.</param>
/// <param name="parser">Its name: the same numbers give other choices for another parser.</param>
/// <param name="number">Of the mutant.</param>
/// <param name="outside">Paths that lead out of the mutant's folder.</param>
internal sealed class Dice(int seed, string parser, int number, IReadOnlyList<string> outside)
{
    private const int Prime = 16777619, MostRepeated = 1 << 18;

    private readonly Random _random = new(parser.Aggregate(unchecked((seed * 1_000_003) ^ (number * 7919)), (hash, c) => unchecked((hash ^ c) * Prime)));

    /// <summary>Whole numbers at the ends of types, and sizes that no file has.</summary>
    public static IReadOnlyList<long> Numbers { get; } =
    [
        0, 1, -1, 2, 3, 7, 127, 128, 255, 256, short.MaxValue, ushort.MaxValue, 100_000, 10_000_000, int.MaxValue, int.MinValue, 1L << 31, uint.MaxValue,
        1L << 32, 1L << 40, long.MaxValue, long.MinValue, long.MaxValue / 4 + 1,
    ];

    /// <summary>How often a part of a file is repeated: the file stays small.</summary>
    public int Times(int length) => 1 + Below(Math.Min(4096, MostRepeated / Math.Max(1, length)));

    /// <summary>A number from 0 to <paramref name="end"/>, not counted; 0 where that is 0.</summary>
    public int Below(int end) => end <= 0 ? 0 : _random.Next(end);

    /// <summary>True once in so many times.</summary>
    public bool OnceIn(int times) => _random.Next(times) == 0;

    public T Pick<T>(IReadOnlyList<T> values) => values[_random.Next(values.Count)];

    public byte Byte() => (byte)_random.Next(256);

    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }

    public long Number() => OnceIn(3) ? _random.Next(-4, 1000) : Pick(Numbers);

    /// <summary>A text that is odd as a name, a number or a path.</summary>
    public string Text() => Below(4) switch
    {
        0 => Pick(outside),
        1 => new string(Pick((char[])['a', ' ', '/', '0', '\u2581', '[']), 1 << Below(17)),
        _ => Pick(Texts),
    };

    private static IReadOnlyList<string> Texts { get; } =
    [
        "", " ", "a", "\0", "a\0b", "\n", "\r\n", "\ufeff", "\u2581", "\U0001F600", "e\u0301", ".", "..", "/", "\\", "a/b", "con", "-1", "1e999", "NaN",
        "Infinity", "null",
        "%s%n", "{0}", "$(touch executed)", "; touch executed", "__metadata__", "__proto__", "$type", "kind", "F32", "F64", "BF16", "I64", "BOOL", "type",
        "[CLS]", "<s>",
        "bert", "albert", "deberta-v2", "gpt2", "prefix", "Int32", "Single", "DateTime",
    ];
}
