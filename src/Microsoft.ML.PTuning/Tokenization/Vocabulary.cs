using System.Text;
using System.Text.Json;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Tokens and their ids, as read from a vocabulary file.</summary>
/// <param name="Ids">The id of each token.</param>
/// <param name="Source">The file they come from, for messages.</param>
internal sealed record Vocabulary(Dictionary<string, int> Ids, string Source)
{
    /// <summary>Far beyond any vocabulary: a larger id comes from a damaged file.</summary>
    public const int IdLimit = 1 << 24;

    private string?[]? _tokens;

    /// <summary>One more than the largest id.</summary>
    public int Size { get; } = Ids.Values.Max() + 1;

    /// <summary>The token with an id; null if there is none.</summary>
    public string? TokenOf(int id) => id >= 0 && id < Size ? (_tokens ??= Tokens())[id] : null;

    /// <summary><c>vocab.txt</c>: one token per line; its id is the number of the line, from 0.</summary>
    /// <remarks>A token on two lines has the id of the last one, as in Hugging Face.</remarks>
    public static Vocabulary ReadLines(string path)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        try
        {
            using var reader = new StreamReader(path, TokenizerFiles.StrictUtf8);
            for (var line = 0; reader.ReadLine() is string token; line++)
            {
                if (token.Length > 0)
                    ids[token] = line;
            }
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException($"{path}: expected UTF-8 text with a token a line, but found bytes that are not UTF-8. Fetch the file again.");
        }

        return NotEmpty(ids, path);
    }

    /// <summary><c>vocab.json</c>, or the vocabulary within <c>tokenizer.json</c>: an object of tokens and ids.</summary>
    public static Vocabulary ReadJson(JsonElement tokens, string source)
    {
        if (tokens.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException(
                $"{source}: expected the vocabulary as an object of tokens and ids, but found {tokens.ValueKind}. Fetch the file again.");
        }

        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var tokenOfId = new Dictionary<int, string>();
        foreach (var entry in tokens.EnumerateObject())
        {
            var token = entry.Name;
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out var id) || id is < 0 or >= IdLimit)
            {
                throw new InvalidDataException(
                    $"{source}: expected an id from 0 to {IdLimit - 1} for token '{token}', but found {entry.Value}. Fetch the file again.");
            }

            if (!ids.TryAdd(token, id))
                throw new InvalidDataException($"{source}: expected each token once, but '{token}' stands there twice. Fetch the file again.");
            if (!tokenOfId.TryAdd(id, token))
            {
                throw new InvalidDataException(
                    $"{source}: expected each id once, but {id} stands for '{tokenOfId[id]}' and for '{token}'. Fetch the file again.");
            }
        }

        return NotEmpty(ids, source);
    }

    /// <summary>The vocabulary as <c>vocab.txt</c>, with an empty line where no token has the id, or one with a line break, which no word can be.</summary>
    public Stream ToLines()
    {
        var lines = Array.ConvertAll(Tokens(), token => token.AsSpan().ContainsAny('\r', '\n') ? "" : token);
        return new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', lines)));
    }

    private string?[] Tokens()
    {
        var tokens = new string?[Size];
        foreach (var (token, id) in Ids)
            tokens[id] = token;

        return tokens;
    }

    private static Vocabulary NotEmpty(Dictionary<string, int> ids, string source) => ids.Count > 0
        ? new Vocabulary(ids, source)
        : throw new InvalidDataException($"{source}: expected a vocabulary, but found no token in it. Fetch the file again.");
}
