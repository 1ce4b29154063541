using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>A language model of 8 hidden units and 64 positions with random weights, which spells with bytes.</summary>
internal sealed class TinyWriter : IDisposable
{
    private readonly TinyCheckpoint _checkpoint;

    private static readonly string[] Merges = ["a b", "c d", "Ġ x"];

    /// <summary>A GPT-2 with BERT's tokenizer, whose vocabulary is the words of <see cref="Pairs"/>.</summary>
    public const string WordPieces = "gpt2 of words";

    /// <param name="kind">A family: gpt2, bart, glm; or chatglm, which spells with pieces. Or <see cref="WordPieces"/>.</param>
    public TinyWriter(string kind)
    {
        using var tokenizer = TokenizerOf(kind);
        var family = kind == WordPieces ? "gpt2" : kind;
        var vocabulary = tokenizer.Load(family).VocabularySize;
        _checkpoint = new TinyCheckpoint(family, bend: configuration => configuration["vocab_size"] = vocabulary);
        foreach (var (name, weight) in _checkpoint.Tensors)
            if (name.Contains("norm", StringComparison.Ordinal) || name.Contains("ln_", StringComparison.Ordinal))
                weight.fill_(name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0);
            else
                weight.mul_(0.3);
        if (family == "bart")
            _checkpoint.Tensors["final_logits_bias"] = zeros(1, vocabulary);
        if (family == "chatglm")
            _checkpoint.Tensors["lm_head.weight"] = new Draw().Normal(vocabulary, 8);
        _checkpoint.Save();
        foreach (var file in Directory.EnumerateFiles(tokenizer.Path))
            File.Copy(file, System.IO.Path.Combine(Path, System.IO.Path.GetFileName(file)));
    }

    public MLContext Context { get; } = new(1);

    public string Path => _checkpoint.Path;

    /// <summary>Texts of several lengths, and a letter that follows from them.</summary>
    public static IEnumerable<TextPair> Pairs(int rows) => Enumerable.Range(0, rows).Select(row =>
        new TextPair { Text = string.Concat(Enumerable.Repeat("ab c", 1 + row % 4)), Label = row % 4 < 2 ? "x" : "cd" });

    /// <summary>Options that train quickly.</summary>
    public PTuningV2Trainer.TextGenerationOptions Options(GenerationSettings? generation = null) => new()
    {
        Backbone = Path,
        PrefixLength = 3,
        MaxLength = 24,
        MaxEpochs = 1,
        Advanced = { Shards = 2 },
        Seed = 1,
        Generation = generation ?? new() { MaxNewTokens = 6 },
    };

    public PTuningV2Trainer Trainer(PTuningV2Trainer.TextGenerationOptions options) => Context.MulticlassClassification.Trainers.PTuningV2TextGeneration(options);

    public void Dispose() => _checkpoint.Dispose();

    private static TokenizerFolder TokenizerOf(string kind) => kind switch
    {
        WordPieces => TokenizerFolder.WordPiece("""{"tokenizer_class": "BertTokenizer"}""", "ab", "c", "cab", "cd", "x"),
        "bart" => TokenizerFolder.ByteLevel("{}", Merges),
        "glm" => GlmTokenizerTests.Gpt2(merges: Merges),
        "chatglm" => ChatGlmTokenizerTests.Copy("last", ChatGlmTokenizerTests.Last),
        _ => TokenizerFolder.Gpt2("{}", Merges),
    };
}

internal sealed class TextPair
{
    public string Text { get; set; } = "";

    public string Label { get; set; } = "";
}
