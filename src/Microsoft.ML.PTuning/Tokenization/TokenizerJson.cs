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

    public IEnumerable<JsonElement> AddedTokens => Section("added_tokens") is { ValueKind: JsonValueKind.Array } tokens ? tokens.EnumerateArray() : [];

    public Vocabulary ReadVocabulary() => Vocabulary.ReadJson(_model.TryGetProperty("vocab", out var tokens) ? tokens : default, Path);

    /// <summary>Merges, each as <c>"a b"</c> or as <c>["a", "b"]</c>.</summary>
    public IEnumerable<string> ReadMerges()
    {
        if (!_model.TryGetProperty("merges", out var merges) || merges.ValueKind != JsonValueKind.Array)
            throw new InvalidDataException($"{Path}: expected an array 'merges' in 'model', but found none. Fetch the file again.");

        foreach (var merge in merges.EnumerateArray())
            yield return merge.ValueKind == JsonValueKind.Array ? string.Join(' ', merge.EnumerateArray().Select(part => part.ToString())) : merge.ToString();
    }

    /// <summary>Refuses a step that this tokenizer's kind does not have, because its ids would differ.</summary>
    public void Expect(string step, string? expected)
    {
        var found = Section(step) is { ValueKind: JsonValueKind.Object } section ? Type(section) : null;
        if (found is not null && found != expected)
        {
            throw new NotSupportedException(
                $"{Path}: a {ModelType} tokenizer with {step} {found} is not supported; expected {expected ?? "none"}. " +
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
