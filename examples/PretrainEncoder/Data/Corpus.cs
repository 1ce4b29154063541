using System.Buffers.Binary;
using Microsoft.ML.PTuning.Tokenization;

namespace PretrainEncoder.Data;

/// <summary>Ids of BERT's special tokens.</summary>
internal sealed record SpecialTokens(int Pad, int Begin, int End, int Mask)
{
    public bool Has(int id) => id == Pad || id == Begin || id == End || id == Mask;
}

/// <summary>Documents as token ids.</summary>
/// <param name="Ids">The tokens of all documents, one after the other.</param>
/// <param name="Starts">Where each document begins, and where the last one ends.</param>
internal sealed record Corpus(ushort[] Ids, int[] Starts, Vocabulary Vocabulary, SpecialTokens Special)
{
    public const string IdsFile = "ids.u16", StartsFile = "docs.i64", VocabularyFile = "vocab.txt";

    public int Documents => Starts.Length - 1;

    /// <summary>The tokens of a window.</summary>
    public ReadOnlySpan<ushort> TokensOf(Window window) => Ids.AsSpan(window.Start, window.Length);

    /// <exception cref="IOException">The folder or one of its files is missing.</exception>
    /// <exception cref="InvalidDataException">The files are damaged, or do not belong together.</exception>
    public static Corpus Read(string folder)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"{folder}: expected the folder of a corpus, but there is none. Name it with --corpus.");

        Vocabulary vocabulary = Vocabulary.ReadLines(Find(folder, VocabularyFile));
        ushort[] ids = ReadNumbers(folder, IdsFile, sizeof(ushort), BinaryPrimitives.ReadUInt16LittleEndian);
        int[] starts = ReadNumbers(folder, StartsFile, sizeof(long), bytes => (int)Math.Clamp(BinaryPrimitives.ReadInt64LittleEndian(bytes), -1, int.MaxValue));
        if (ids.Length > 0 && ids.Max() is var largest && largest >= vocabulary.Size)
            throw Damaged(folder, IdsFile, $"ids below {vocabulary.Size}, the tokens of {VocabularyFile}", $"{largest}");
        CheckStarts(folder, starts, ids.Length);
        return new(ids, starts, vocabulary, new(IdOf("[PAD]"), IdOf("[CLS]"), IdOf("[SEP]"), IdOf("[MASK]")));

        int IdOf(string token) => vocabulary.Ids.TryGetValue(token, out int id) ? id
            : throw Damaged(folder, VocabularyFile, $"the special token {token}", $"{vocabulary.Ids.Count} tokens without it");
    }

    private static void CheckStarts(string folder, int[] starts, int tokens)
    {
        if (starts.Length < 3)
            throw Damaged(folder, StartsFile, "two documents at least, one to train on and one to judge", $"{Math.Max(0, starts.Length - 1)}");
        if (starts[0] != 0 || starts[^1] != tokens)
            throw Damaged(folder, StartsFile, $"documents from 0 to the {tokens} tokens of {IdsFile}", $"{starts[0]} to {starts[^1]}");
        for (int i = 1; i < starts.Length; i++)
        {
            if (starts[i] <= starts[i - 1])
                throw Damaged(folder, StartsFile, $"a document to begin behind {starts[i - 1]}, where the one before it does", $"{starts[i]}");
        }
    }

    private static T[] ReadNumbers<T>(string folder, string name, int size, Func<ReadOnlySpan<byte>, T> read)
    {
        byte[] bytes = File.ReadAllBytes(Find(folder, name));
        if (bytes.Length % size != 0)
            throw Damaged(folder, name, $"numbers of {size} bytes", $"{bytes.Length} bytes");

        var numbers = new T[bytes.Length / size];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = read(bytes.AsSpan(i * size, size));
        return numbers;
    }

    private static string Find(string folder, string name)
    {
        string path = Path.Combine(folder, name), packed = $"{path}.xz";
        return File.Exists(path) ? path
            : File.Exists(packed) ? throw new FileNotFoundException($"{path}: .NET does not read .xz. Unpack the file: xz -dk {packed}", path)
            : throw new FileNotFoundException($"{path}: expected a file of the corpus, but there is none. Name its folder with --corpus.", path);
    }

    private static InvalidDataException Damaged(string folder, string name, string expected, string found) =>
        new($"{Path.Combine(folder, name)}: expected {expected}, but found {found}. Take all files from one corpus, and unpack them anew.");
}
