using System.Buffers.Binary;
using PretrainEncoder;
using PretrainEncoder.Data;
using PretrainEncoder.Models;

namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>A corpus whose documents count: each word has one that follows.</summary>
internal sealed class CountingCorpus : IDisposable
{
    public static readonly string[] Words =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

    private const int FirstWord = 5;

    private readonly TemporaryFolder _folder = new();

    /// <param name="documents">Of four to nine words, about six and a half on average.</param>
    public CountingCorpus(int documents = 60)
    {
        int[][] counted = [.. Enumerable.Range(0, documents).Select(document =>
            Enumerable.Range(7 * document, 4 + document % 6).Select(word => FirstWord + word % Words.Length).ToArray())];
        Write(counted);
        _folder.Write(Corpus.VocabularyFile, string.Join('\n', ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Words]) + "\n");
    }

    public string Path => _folder.Path;

    /// <summary>The folder that a training writes.</summary>
    public string Output => System.IO.Path.Combine(Path, "model");

    public static LanguageModel Model(string family) => LanguageModel.All.Single(model => model.ModelType == family);

    /// <summary>Replaces the documents.</summary>
    public void Write(int[][] documents)
    {
        WriteBytes(Corpus.IdsFile, [.. documents.SelectMany(document => document).SelectMany(id => new[] { (byte)id, (byte)(id >> 8) })]);
        long[] starts = [0, .. documents.Select((_, last) => documents.Take(last + 1).Sum(document => (long)document.Length))];
        byte[] bytes = new byte[8 * starts.Length];
        for (int i = 0; i < starts.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8 * i), starts[i]);
        WriteBytes(Corpus.StartsFile, bytes);
    }

    public void WriteBytes(string name, byte[] bytes) => File.WriteAllBytes(System.IO.Path.Combine(Path, name), bytes);

    public void Delete(string name) => File.Delete(System.IO.Path.Combine(Path, name));

    /// <summary>Settings of a small model that learns to count in seconds. An encoder, which is asked a seventh of the words, takes more steps.</summary>
    public Settings Settings(string family, string output = "model") => new(Path, System.IO.Path.Combine(Path, output))
    {
        Model = Model(family),
        Layers = 2,
        Hidden = 32,
        Heads = 2,
        Positions = 24,
        Window = 16,
        BatchSize = 16,
        LearningRate = family == "bert" ? 3e-3 : 1e-2,
        Steps = family == "bert" ? 800 : 150,
    };

    public void Dispose() => _folder.Dispose();
}
