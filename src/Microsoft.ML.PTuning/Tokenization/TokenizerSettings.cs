using System.Text.Json;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>A tokenizer's settings in the JSON files of a directory.</summary>
/// <remarks>The first file that has a setting counts: <c>tokenizer_config.json</c>, then <c>special_tokens_map.json</c>, then <c>tokenizer.json</c>.</remarks>
internal sealed class TokenizerSettings
{
    private const string AddedTokens = "added_tokens_decoder";

    private readonly List<(string Path, JsonElement Entries)> _sources = [];

    /// <summary>Ids of tokens that were added to the vocabulary.</summary>
    private readonly Dictionary<string, int> _addedTokens = new(StringComparer.Ordinal);

    public TokenizerSettings(TokenizerFiles files)
    {
        if (files.Has(TokenizerFiles.Configuration))
        {
            var configuration = files.ReadJson(TokenizerFiles.Configuration);
            _sources.Add((files.Use(TokenizerFiles.Configuration), configuration));
            if (configuration.TryGetProperty(AddedTokens, out var added) && added.ValueKind != JsonValueKind.Null)
            {
                var path = files.Use(TokenizerFiles.Configuration);
                if (added.ValueKind != JsonValueKind.Object)
                    throw new InvalidDataException(
                        $"{path}: expected an object of ids and tokens as '{AddedTokens}', but found {added.ValueKind}. Correct the entry.");
                foreach (var entry in added.EnumerateObject())
                    AddToken(path, entry.Value, entry.Name);
            }
        }

        if (files.Has(TokenizerFiles.SpecialTokens))
            _sources.Add((files.Use(TokenizerFiles.SpecialTokens), files.ReadJson(TokenizerFiles.SpecialTokens)));
    }

    /// <summary>Takes settings from <c>tokenizer.json</c> if no other file has them.</summary>
    public void Add(TokenizerJson json)
    {
        foreach (var section in json.Sections)
            _sources.Add((json.Path, section));
        foreach (var token in json.AddedTokens)
            AddToken(json.Path, token, token.ValueKind == JsonValueKind.Object && token.TryGetProperty("id", out var id) ? id.ToString() : "");
    }

    /// <returns>The first value that is there and not null.</returns>
    public bool? Flag(params ReadOnlySpan<string> names) => Find(names) is not var (path, name, value) ? null : value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw new InvalidDataException($"{path}: expected true or false for '{name}', but found {value}. Correct the entry."),
    };

    /// <returns>The first value that is there and not null; of a token with properties, its content.</returns>
    public string? Text(string name) => Find([name]) is not var (path, _, value) ? null
        : Content(value) ?? throw new InvalidDataException($"{path}: expected a string for '{name}', but found {value}. Correct the entry.");

    /// <summary>The id of a special token, from the vocabulary or the added tokens.</summary>
    public int SpecialToken(string role, string usual, Vocabulary vocabulary)
    {
        var token = Text(role) ?? usual;
        if (vocabulary.Ids.TryGetValue(token, out var id) || _addedTokens.TryGetValue(token, out id))
            return id;

        throw new InvalidDataException(
            $"{vocabulary.Source}: expected the special token '{token}' ({role}), but it is not among the {vocabulary.Ids.Count} tokens. " +
            $"Fetch the file again (it may be cut short, or a Git LFS pointer), or name the token in {TokenizerFiles.Configuration}.");
    }

    /// <summary>The id of the mask token; null if neither vocabulary nor added tokens have it.</summary>
    public int? MaskToken(string usual, Vocabulary vocabulary)
    {
        var token = Text("mask_token") ?? usual;
        return vocabulary.Ids.TryGetValue(token, out var id) || _addedTokens.TryGetValue(token, out id) ? id : null;
    }

    private static string? Content(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Object when value.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String => content.GetString(),
        _ => null,
    };

    private (string Path, string Name, JsonElement Value)? Find(ReadOnlySpan<string> names)
    {
        foreach (var (path, entries) in _sources)
        {
            foreach (var name in names)
            {
                if (entries.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null)
                    return (path, name, value);
            }
        }

        return null;
    }

    private void AddToken(string path, JsonElement token, string id)
    {
        if (token.ValueKind != JsonValueKind.Object || Content(token) is not string content || !int.TryParse(id, out var number) || number < 0)
            throw new InvalidDataException($"{path}: expected an added token with content and id, but found {token} with id '{id}'. Correct the entry.");
        if (!token.TryGetProperty("special", out var special) || special.ValueKind != JsonValueKind.True)
        {
            throw new NotSupportedException(
                $"{path}: the added token '{content}' is an ordinary word, not a special token, and words added to a vocabulary are not supported. " +
                "Use the tokenizer of the model it was added to, or take the token out.");
        }

        _addedTokens[content] = number;
    }
}
