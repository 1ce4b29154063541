using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using PretrainEncoder.Data;

namespace PretrainEncoder.Models;

/// <summary>An encoder in the shape of BERT (Devlin et al. 2019): the states of chosen tokens tell the words that stood there.</summary>
/// <remarks>
/// It reads <c>[CLS] A [SEP]</c>, or <c>[CLS] A [SEP] B [SEP]</c> where A and B are two parts of the window, so that the second segment is trained, too.
/// Whether B follows A is not asked, as in RoBERTa (Liu et al. 2019). It has no pooler.
/// </remarks>
internal sealed class MaskedEncoder : LanguageModel
{
    /// <summary>Of the tokens, those whose words are asked; of these, those that become [MASK], and those that become another word.</summary>
    private const double Asked = 0.15, Masked = 0.8, Replaced = 0.1;

    public override string ModelType => "bert";

    public override string Description => "an encoder that learns to fill gaps in a text";

    public override int SpecialTokens => 3;

    public override JsonObject Configuration(Settings settings, Corpus corpus) => new()
    {
        ["architectures"] = new JsonArray("BertForMaskedLM"),
        ["model_type"] = ModelType,
        ["vocab_size"] = corpus.Vocabulary.Size,
        ["hidden_size"] = settings.Hidden,
        ["num_hidden_layers"] = settings.Layers,
        ["num_attention_heads"] = settings.Heads,
        ["intermediate_size"] = 4 * settings.Hidden,
        ["hidden_act"] = "gelu",
        ["max_position_embeddings"] = settings.Positions,
        ["type_vocab_size"] = 2,
        ["layer_norm_eps"] = 1e-12,
        ["tie_word_embeddings"] = true,
        ["pad_token_id"] = corpus.Special.Pad,
    };

    public override PretrainingRow Row(ReadOnlySpan<ushort> window, bool endsDocument, Corpus corpus, Random random)
    {
        SpecialTokens special = corpus.Special;
        int first = window.Length > 1 && random.Next(2) == 0 ? random.Next(1, window.Length) : window.Length;
        int[] ids = [special.Begin, .. ToInts(window[..first]), special.End];
        int[] segments = new int[ids.Length];
        if (first < window.Length)
        {
            int[] second = [.. ToInts(window[first..]), special.End];
            (ids, segments) = ([.. ids, .. second], [.. segments, .. Enumerable.Repeat(1, second.Length)]);
        }

        int[] text = [.. Enumerable.Range(0, ids.Length).Where(place => ids[place] != special.Begin && ids[place] != special.End)];
        int[] places = [.. text.Where(_ => random.NextDouble() < Asked)];
        if (places.Length == 0 && text.Length > 0)
            places = [text[random.Next(text.Length)]];
        int[] words = [.. places.Select(place => ids[place])];
        foreach (int place in places)
            ids[place] = Disguise(ids[place], corpus, random);
        return new(new EncodedRow(ids, segments), places, words);
    }

    private static int Disguise(int word, Corpus corpus, Random random)
    {
        double draw = random.NextDouble();
        if (draw < Masked)
            return corpus.Special.Mask;
        if (draw >= Masked + Replaced)
            return word;

        int other;
        do
            other = random.Next(corpus.Vocabulary.Size);
        while (corpus.Special.Has(other));
        return other;
    }
}
