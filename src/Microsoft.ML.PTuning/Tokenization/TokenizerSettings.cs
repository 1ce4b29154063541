using System.Text.Json;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>A tokenizer's settings in the JSON files of a directory.</summary>
/// <remarks>The first file that has a setting counts: <c>tokenizer_config.json</c>, then <c>special_tokens_map.json</c>, then <c>tokenizer.json</c>.</remarks>
internal sealed class TokenizerSettings
{
    private const string AddedTokens = "added_tokens_decoder", OtherTokens = "additional_special_tokens";

    private static readonly string[] Roles = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly List<(string Path, JsonElement Entries)> _sources = [];

    /// <summary>Ids of tokens that were added to the vocabulary.</summary>
    private readonly Dictionary<string, int> _addedTokens = new(StringComparer.Ordinal);

    /// <summary>What the files say of a token beside its text and id.</summary>
    private readonly Dictionary<string, JsonElement> _properties = new(StringComparer.Ordinal);

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
        Class = Text(TokenizerFiles.ClassEntry) ?? ClassOfMap();
        if (TokenizerFamilies.Named(Class) == TokenizerFamily.Glm && files.Has(TokenizerFiles.AddedTokens))
            ReadAddedTokens(files);
    }

    /// <summary>The tokenizer's class; null if no file names it.</summary>
    public string? Class { get; }

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

    /// <returns>The first value that is there and not null.</returns>
    public int? Number(string name) => Find([name]) is not var (path, _, value) ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number is >= 0 and < Vocabulary.IdLimit ? number
        : throw new InvalidDataException(
            $"{path}: expected a number from 0 to {Vocabulary.IdLimit - 1} for '{name}', but found {value}. Correct the entry.");

    /// <summary>The id of a special token, from the vocabulary or the added tokens.</summary>
    public int SpecialToken(string role, string usual, Vocabulary vocabulary) => FindToken(role, usual, vocabulary) ?? throw new InvalidDataException(
        $"{vocabulary.Source}: expected the special token '{Text(role) ?? usual}' ({role}), but it is not among the {vocabulary.Ids.Count} tokens. " +
        $"Fetch the file again (it may be cut short, or a Git LFS pointer), or name the token in {TokenizerFiles.Configuration}.");

    /// <summary>The id of the mask token; null if neither vocabulary nor added tokens have it.</summary>
    public int? MaskToken(string usual, Vocabulary vocabulary) => FindToken("mask_token", usual, vocabulary);

    /// <summary>The id of a special token; null if neither vocabulary nor added tokens have it.</summary>
    public int? FindToken(string role, string usual, Vocabulary vocabulary) => FindId(Text(role) ?? usual, vocabulary);

    /// <summary>A special token that a text may spell.</summary>
    /// <param name="eatsBefore">Whether white space before it belongs to it, where no file says it.</param>
    public SpelledToken Spelled(string token, int id, bool eatsBefore)
    {
        return new SpelledToken(token, id, Says("lstrip") ?? eatsBefore, Says("rstrip") ?? false);

        bool? Says(string property) => NamedTokens().Prepend(_properties.GetValueOrDefault(token))
            .Where(value => value.ValueKind == JsonValueKind.Object && Content(value) == token)
            .Select(value => Entry(value, property).ValueKind)
            .FirstOrDefault(kind => kind is JsonValueKind.True or JsonValueKind.False) switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => null,
        };
    }

    /// <summary>Ids of all special tokens: those that the files name, and those that the family has if no file names any.</summary>
    public IReadOnlySet<int> SpecialIds(Vocabulary vocabulary, params IEnumerable<string> usual) => usual
        .Concat(NamedTokens().Select(Content).OfType<string>())
        .Select(token => FindId(token, vocabulary)).OfType<int>()
        .Concat(_addedTokens.Values).ToHashSet();

    private IEnumerable<JsonElement> NamedTokens() => _sources.SelectMany(source =>
        Roles.Select(role => Entry(source.Entries, role)).Concat(Elements(Entry(source.Entries, OtherTokens))));

    private int? FindId(string token, Vocabulary vocabulary) =>
        vocabulary.Ids.TryGetValue(token, out var id) || _addedTokens.TryGetValue(token, out id) ? id : null;

    private static JsonElement Entry(JsonElement entries, string name) => entries.TryGetProperty(name, out var value) ? value : default;

    private static IEnumerable<JsonElement> Elements(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : Enumerable.Empty<JsonElement>();

    /// <summary>The class that <c>auto_map</c> names, as <c>tokenization_glm.GLMGPT2Tokenizer</c>, if it is one of those supported.</summary>
    private string? ClassOfMap()
    {
        if (Find(["auto_map"]) is not var (_, _, map) || map.ValueKind != JsonValueKind.Object)
            return null;

        var named = Elements(Entry(map, "AutoTokenizer")).Select(Content).OfType<string>().Select(name => name[(name.LastIndexOf('.') + 1)..]);
        return named.FirstOrDefault(name => TokenizerFamilies.Named(name) is not null);
    }

    /// <summary><c>added_tokens.json</c>: an object of tokens and ids, all of them special.</summary>
    private void ReadAddedTokens(TokenizerFiles files)
    {
        var path = files.Use(TokenizerFiles.AddedTokens);
        var added = files.ReadJson(TokenizerFiles.AddedTokens);
        if (!added.EnumerateObject().Any())
            return;

        foreach (var (token, id) in Vocabulary.ReadJson(added, path).Ids)
        {
            if (token is not (['[', .., ']'] or ['<', .., '>']))
                throw OrdinaryWord(path, token);
            _addedTokens[token] = id;
        }
    }

    private static NotSupportedException OrdinaryWord(string path, string token) => new(
        $"{path}: the added token '{token}' is an ordinary word, not a special token, and words added to a vocabulary are not supported. " +
        "Use the tokenizer of the model it was added to, or take the token out.");

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
            throw OrdinaryWord(path, content);

        _addedTokens[content] = number;
        _properties[content] = token;
    }
}
