using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Heads;

/// <summary>The scores that the language model's own head gives a verbalizer's words at the mask token (Schick &amp; Schütze 2021). Nothing is trained.</summary>
internal sealed class VerbalizerHead : TaskHead
{
    private readonly int[] _wordsOfClass;   // How many, K.
    private readonly long[] _tokens;        // Those of all words, N.
    private readonly double[] _shares;      // Of the tokens in their words, [W, N]; in their classes, [K, N], where these score mean logits.
    private readonly bool _sumsProbabilities;

    /// <param name="classes">For each class the token ids of its words.</param>
    /// <param name="sumsProbabilities">
    /// Whether a class scores the log of its words' probability among the whole vocabulary, as in AutoPrompt (Shin et al. 2020), instead of the mean
    /// logit of its words. A word of several tokens has their mean logit, or the mean log of their probabilities.
    /// </param>
    public VerbalizerHead(IReadOnlyList<int[][]> classes, bool sumsProbabilities)
    {
        _sumsProbabilities = sumsProbabilities;
        if (sumsProbabilities)
            classes = [.. classes.Select(words => words.DistinctBy(word => string.Join(' ', word)).ToArray())];
        _wordsOfClass = [.. classes.Select(words => words.Length)];
        _tokens = [.. classes.SelectMany(words => words).SelectMany(tokens => tokens).Select(token => (long)token).Distinct()];
        var words = classes.SelectMany((ofClass, i) => ofClass.Select(word => (Class: i, Tokens: word))).ToArray();
        _shares = new double[(sumsProbabilities ? words.Length : classes.Count) * _tokens.Length];
        for (var i = 0; i < words.Length; i++)
        {
            var (row, share) = sumsProbabilities ? (i, 1.0) : (words[i].Class, 1.0 / _wordsOfClass[words[i].Class]);
            foreach (var token in words[i].Tokens)
                _shares[row * _tokens.Length + Array.IndexOf(_tokens, token)] += share / words[i].Tokens.Length;
        }
    }

    public override bool ReadsSentenceTokenOnly => false;

    public override bool IsPerToken => false;

    public override IReadOnlyList<HeadTensor> Declare(Backbone backbone) => [];

    /// <returns>Scores of the classes: mean logits, or logs of probabilities, <c>[B, K]</c>.</returns>
    public override Tensor Forward(Backbone backbone, Tensor hidden, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout)
    {
        var states = backbone.MaskStates(hidden, batch);                                                            // [B, H]
        var logits = backbone.LanguageHead!.Forward(states, tuning.Weights);                                                        // [B, vocabulary]
        var numbers = _sumsProbabilities ? nn.functional.log_softmax(logits, 1) : logits;
        var shares = tensor(_shares, _shares.Length / _tokens.Length, _tokens.Length).to(logits.dtype).ToDevice(logits.device);
        var scores = nn.functional.linear(numbers.index_select(1, tensor(_tokens).ToDevice(logits.device)), shares); // [B, K], or of words [B, W]
        return _sumsProbabilities
            ? stack([.. scores.split([.. _wordsOfClass.Select(count => (long)count)], 1).Select(ofClass => ofClass.logsumexp(1))], 1)
            : scores;
    }
}
