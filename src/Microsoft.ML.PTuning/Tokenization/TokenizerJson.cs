using System.Text.Json;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary><c>tokenizer.json</c>, the one-file form of a Hugging Face tokenizer: vocabulary, merges and the steps around them.</summary>
internal sealed class TokenizerJson
{
    private readonly JsonElement _root;
    private readonly JsonElement _model;

    public TokenizerJson(TokenizerFiles files)
    {
        _root = files.ReadJson(TokenizerFiles.Fast);
        Path = files.Use(TokenizerFiles.Fast);
        _model = _root.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.Object
            ? model
            : throw new InvalidDataException($"{Path}: expected an object 'model', but found none. Fetch the file again.");
    }

    public string Path { get; }

    /// <summary>WordPiece, BPE, Unigram.</summary>
    public string ModelType => Type(_model);

    /// <summary>The settings, under the names of this file.</summary>
    public IEnumerable<JsonElement> Sections =>
        new[] { _model, Section("normalizer"), Section("pre_tokenizer") }.Where(section => section.ValueKind == JsonValueKind.Object);

    /// <exception cref="InvalidDataException">They are no list.</exception>
    public IEnumerable<JsonElement> AddedTokens => Section("added_tokens") switch
    {
        { ValueKind: JsonValueKind.Array } tokens => tokens.EnumerateArray(),
        { ValueKind: JsonValueKind.Undefined or JsonValueKind.Null } => [],
        var other => throw new InvalidDataException($"{Path}: expected a list as 'added_tokens', but found {other.ValueKind}. Fetch the file again."),
    };

    public Vocabulary ReadVocabulary() => Vocabulary.ReadJson(_model.TryGetProperty("vocab", out var tokens) ? tokens : default, Path);

    /// <summary>Merges, each as <c>"a b"</c> or as <c>["a", "b"]</c>.</summary>
    public IEnumerable<string> ReadMerges()
    {
        if (!_model.TryGetProperty("merges", out var merges) || merges.ValueKind != JsonValueKind.Array)
            throw new InvalidDataException($"{Path}: expected an array 'merges' in 'model', but found none. Fetch the file again.");

        foreach (var merge in merges.EnumerateArray())
        {
            yield return merge.ValueKind switch
            {
                JsonValueKind.String => merge.GetString()!,
                JsonValueKind.Array when merge.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String) =>
                    string.Join(' ', merge.EnumerateArray().Select(part => part.GetString())),
                _ => throw new InvalidDataException($"{Path}: expected a merge as two tokens, but found {merge.ValueKind}. Fetch the file again."),
            };
        }
    }

    /// <summary>Refuses another step than this tokenizer's kind has, or none, because its ids would differ.</summary>
    /// <param name="expected">The step's type; null for no such step.</param>
    /// <exception cref="NotSupportedException">The step is another.</exception>
    /// <exception cref="InvalidDataException">It is no step.</exception>
    public void Expect(string step, string? expected)
    {
        var found = Section(step) switch
        {
            { ValueKind: JsonValueKind.Object } section => Type(section),
            { ValueKind: JsonValueKind.Undefined or JsonValueKind.Null } => null,
            var other => throw new InvalidDataException($"{Path}: expected an object as '{step}', but found {other.ValueKind}. Fetch the file again."),
        };
        if (found != expected)
        {
            throw new NotSupportedException(
                $"{Path}: a {ModelType} tokenizer with {step} {found ?? "none"} is not supported; expected {expected ?? "none"}. " +
                "Use a backbone with BERT's or RoBERTa's tokenizer.");
        }
    }

    /// <summary>Refuses a parameter of the model other than the one this tokenizer's kind has.</summary>
    public void ExpectModel(string parameter, string expected)
    {
        if (_model.TryGetProperty(parameter, out var found) && found.ValueKind != JsonValueKind.Null && found.ToString() != expected)
        {
            throw new NotSupportedException(
                $"{Path}: a {ModelType} tokenizer with {parameter} '{found}' is not supported; expected '{expected}'. " +
                "Use a backbone with BERT's or RoBERTa's tokenizer.");
        }
    }

    private static string Type(JsonElement element) => element.TryGetProperty("type", out var type) ? type.ToString() : "";

    private JsonElement Section(string name) => _root.TryGetProperty(name, out var section) ? section : default;
}
