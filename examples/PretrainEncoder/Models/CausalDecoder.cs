using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using PretrainEncoder.Data;

namespace PretrainEncoder.Models;

/// <summary>A decoder in the shape of GPT-2 (Radford et al. 2019): each token's state tells the next word.</summary>
/// <remarks>It reads [CLS] and the window. Where the document ends, [SEP] is to follow.</remarks>
internal sealed class CausalDecoder : LanguageModel
{
    public override string ModelType => "gpt2";

    public override string Description => "a decoder that learns to go on with a text";

    public override int SpecialTokens => 2;

    /// <summary>As in GPT-2: every layer adds twice.</summary>
    public override double ResidualScale(int layers) => 1 / Math.Sqrt(2 * layers);

    public override JsonObject Configuration(Settings settings, Corpus corpus) => new()
    {
        ["architectures"] = new JsonArray("GPT2LMHeadModel"),
        ["model_type"] = ModelType,
        ["vocab_size"] = corpus.Vocabulary.Size,
        ["n_embd"] = settings.Hidden,
        ["n_layer"] = settings.Layers,
        ["n_head"] = settings.Heads,
        ["n_positions"] = settings.Positions,
        ["activation_function"] = "gelu_new",
        ["layer_norm_epsilon"] = 1e-5,
        ["tie_word_embeddings"] = true,
        ["bos_token_id"] = corpus.Special.Begin,
        ["eos_token_id"] = corpus.Special.End,
        ["pad_token_id"] = corpus.Special.Pad,
    };

    public override PretrainingRow Row(ReadOnlySpan<ushort> window, bool endsDocument, Corpus corpus, Random random)
    {
        int[] tokens = [corpus.Special.Begin, .. ToInts(window), .. endsDocument ? [corpus.Special.End] : Array.Empty<int>()];
        int[] read = tokens[..^1];
        return new(new EncodedRow(read, new int[read.Length]), [.. Enumerable.Range(0, read.Length)], tokens[1..]);
    }
}
