using System.Text.Json;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>A directory with a small tokenizer's files, gone after the test.</summary>
internal sealed class TokenizerFolder : IDisposable
{
    public static readonly string[] BertTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    public static readonly string[] RobertaTokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];

    public string Path { get; } = Directory.CreateTempSubdirectory("tokenizer").FullName;

    /// <summary>BERT's special tokens, then <paramref name="tokens"/>.</summary>
    public static TokenizerFolder WordPiece(string configuration, params string[] tokens)
    {
        var folder = new TokenizerFolder();
        folder.Write("vocab.txt", string.Join('\n', [.. BertTokens, .. tokens]) + "\n");
        folder.Write("tokenizer_config.json", configuration);
        return folder;
    }

    /// <summary>A piece for every character of <paramref name="characters"/>, at the beginning of a word and within it.</summary>
    public static TokenizerFolder Characters(string configuration, string characters)
    {
        var pieces = characters.EnumerateRunes().Select(rune => rune.ToString()).Distinct().ToArray();
        return WordPiece(configuration, [.. pieces, .. pieces.Select(piece => "##" + piece)]);
    }

    /// <summary>RoBERTa's special tokens, then every byte, then the results of <paramref name="merges"/>.</summary>
    public static TokenizerFolder ByteLevel(string configuration, params string[] merges)
    {
        var folder = new TokenizerFolder();
        folder.Write("vocab.json", JsonSerializer.Serialize(ByteLevelIds(merges)));
        folder.Write("merges.txt", "#version: 0.2\n" + string.Join('\n', merges) + "\n");
        folder.Write("tokenizer_config.json", configuration);
        return folder;
    }

    /// <summary>Every byte, then the results of <paramref name="merges"/>, then the end of text, as GPT-2 has them.</summary>
    public static TokenizerFolder Gpt2(string configuration, params string[] merges)
    {
        var folder = new TokenizerFolder();
        folder.Write("vocab.json", JsonSerializer.Serialize(Gpt2Ids(merges)));
        folder.Write("merges.txt", "#version: 0.2\n" + string.Join('\n', merges) + "\n");
        folder.Write("tokenizer_config.json", configuration);
        return folder;
    }

    /// <summary>A SentencePiece model under the name that the family of <paramref name="name"/> gives it.</summary>
    /// <param name="name">spiece.model, sentencepiece.bpe.model, spm.model, cog-pretrain.model, ice_text.model.</param>
    public static TokenizerFolder SentencePiece(string name, UnigramModelFile model, string configuration = "{}")
    {
        var folder = new TokenizerFolder();
        File.WriteAllBytes(System.IO.Path.Combine(folder.Path, name), model.ToArray());
        folder.Write("tokenizer_config.json", configuration);
        return folder;
    }

    public static Dictionary<string, int> ByteLevelIds(params string[] merges)
    {
        string[] tokens = [.. RobertaTokens, .. ByteSymbols.Of.Select(symbol => symbol.ToString()), .. merges.Select(merge => merge.Replace(" ", ""))];
        return tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id);
    }

    /// <summary>GPT-2's published vocabulary, made of RoBERTa's merges, which are GPT-2's and decide its ids.</summary>
    public static TokenizerFolder PublishedGpt2(string configuration = "{}")
    {
        if (GoldenFiles.Tokenizers is not { } vocabularies)
            throw new AssertInconclusiveException("No real vocabularies: set PTUNING_TOKENIZERS to their folder.");

        var lines = File.ReadLines(System.IO.Path.Combine(vocabularies, "roberta-base", "merges.txt"));
        return Gpt2(configuration, [.. lines.Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal))]);
    }

    /// <summary>GPT-2's own numbers: printable bytes, other bytes, merges in their order, end of text.</summary>
    public static Dictionary<string, int> Gpt2Ids(params string[] merges)
    {
        var symbols = ByteSymbols.Of.OrderBy(symbol => symbol).Select(symbol => symbol.ToString());
        string[] tokens = [.. symbols, .. merges.Select(merge => merge.Replace(" ", "")), "<|endoftext|>"];
        return tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id);
    }

    public TextTokenizer Load(string modelType = "bert") => TextTokenizer.Load(Path, modelType);

    public string Write(string name, string content)
    {
        var path = System.IO.Path.Combine(Path, name);
        File.WriteAllText(path, content);
        return path;
    }

    public void Delete(string name) => File.Delete(System.IO.Path.Combine(Path, name));

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

internal static class TokenizerResults
{
    /// <summary>What the tokens stand for in the text they came from.</summary>
    public static string[] Surfaces(this TextTokenizer tokenizer, string text) =>
        [.. tokenizer.Tokenize(text).Select(token => text.Substring(token.Start, token.Length))];

    public static int[] Ids(this TextTokenizer tokenizer, string text) => [.. tokenizer.Tokenize(text).Select(token => token.Id)];

    public static int[] Ids(this EncodedText encoded) => [.. encoded.Tokens.Select(token => token.Id)];
}
