using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>The files of a tokenizer's directory; records which were read.</summary>
internal sealed class TokenizerFiles
{
    public const string Lines = "vocab.txt";
    public const string Tokens = "vocab.json";
    public const string Merges = "merges.txt";
    public const string Fast = "tokenizer.json";
    public const string Configuration = "tokenizer_config.json";
    public const string SpecialTokens = "special_tokens_map.json";
    public const string AddedTokens = "added_tokens.json";
    public const string ChatGlm = "ice_text.model";

    /// <summary>The entry of <see cref="Configuration"/> that names the tokenizer's class.</summary>
    public const string ClassEntry = "tokenizer_class";

    /// <summary>SentencePiece models, as ALBERT, XLM-R, DeBERTa, GLM and ChatGLM call them; XLM-R's is no BPE model.</summary>
    public static readonly IReadOnlyList<string> SentencePiece =
        ["spiece.model", "sentencepiece.bpe.model", "spm.model", "cog-pretrain.model", ChatGlm];

    /// <summary>All files that a tokenizer may be read from.</summary>
    public static readonly IReadOnlyList<string> Names = [Lines, Tokens, Merges, .. SentencePiece, Fast, Configuration, SpecialTokens, AddedTokens];

    /// <summary>Refuses bytes that are not UTF-8 instead of replacing them.</summary>
    public static readonly Encoding StrictUtf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<string> _read = [];

    public TokenizerFiles(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        Directory = Path.GetFullPath(directory);
        if (!System.IO.Directory.Exists(Directory))
        {
            throw new DirectoryNotFoundException(
                $"{Directory}: expected a directory with a tokenizer's files, but there is none. Check the path of the backbone.");
        }
    }

    /// <summary>Those of <see cref="Names"/> that a tokenizer with these files is read from.</summary>
    /// <param name="has">Whether there is a file of a name.</param>
    public static IReadOnlyList<string> ReadFrom(Func<string, bool> has)
    {
        string[] others = [.. Names.Where(name => name != Fast && has(name))];
        return CountsFast(others.Contains) && has(Fast) ? [.. others, Fast] : others;
    }

    /// <summary><see cref="Fast"/> counts where vocabulary or settings stand in no other file; never beside a SentencePiece model.</summary>
    /// <inheritdoc cref="ReadFrom"/>
    public static bool CountsFast(Func<string, bool> has) =>
        !SentencePiece.Any(has) && (!(has(Lines) || has(Tokens) || has(Merges)) || !has(Configuration));

    public string Directory { get; }

    /// <summary>Full paths, in the order they were read.</summary>
    public IReadOnlyList<string> Read => _read;

    public bool Has(string name) => File.Exists(Path.Combine(Directory, name));

    /// <returns>The name of the SentencePiece model, null where there is none.</returns>
    /// <exception cref="InvalidDataException">There are several.</exception>
    public string? FindSentencePiece()
    {
        var found = SentencePiece.Where(Has).ToArray();
        return found.Length <= 1 ? found.FirstOrDefault() : throw new InvalidDataException(
            $"{Directory}: expected one SentencePiece model, but found {string.Join(" and ", found)}. Take away what is another tokenizer's.");
    }

    /// <summary>The full path of a file that is about to be read.</summary>
    /// <exception cref="IOException">It is no regular file.</exception>
    public string Use(string name)
    {
        var path = Path.Combine(Directory, name);
        RegularFile.Require(path);
        if (!_read.Contains(path))
            _read.Add(path);
        return path;
    }

    /// <returns>The root object of a JSON file.</returns>
    public JsonElement ReadJson(string name)
    {
        var path = Use(name);
        try
        {
            using var document = JsonFile.Parse(path, StrictUtf8);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new InvalidDataException($"{path}: expected a JSON object, but found {document.RootElement.ValueKind}. Fetch the file again.");
        }
        catch (Exception wrong) when (wrong is JsonException or DecoderFallbackException)
        {
            throw new InvalidDataException($"{path}: expected JSON, but found something else: {wrong.Message} Fetch the file again.", wrong);
        }
    }
}
