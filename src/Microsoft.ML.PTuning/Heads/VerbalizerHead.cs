using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Heads;

/// <summary>The scores that the language model's own head gives a verbalizer's words at the mask token (Schick &amp; Schütze 2021). Nothing is trained.</summary>
internal sealed class VerbalizerHead : TaskHead
{
    private readonly long[][] _tokensOfClass;
    private readonly long[] _tokens;        // Those of all classes, N.
    private readonly double[] _shares;      // [K, N]
    private readonly bool _sumsProbabilities;

    /// <param name="classes">For each class the token ids of its words.</param>
    /// <param name="sumsProbabilities">
    /// Whether a class scores the log of its tokens' probability among the whole vocabulary, as in AutoPrompt (Shin et al. 2020), instead of the mean
    /// logit of its words.
    /// </param>
    public VerbalizerHead(IReadOnlyList<int[][]> classes, bool sumsProbabilities)
    {
        _sumsProbabilities = sumsProbabilities;
        _tokensOfClass = [.. classes.Select(words => words.SelectMany(tokens => tokens).Select(token => (long)token).Distinct().ToArray())];
        _tokens = [.. _tokensOfClass.SelectMany(tokens => tokens).Distinct()];
        _shares = new double[classes.Count * _tokens.Length];
        for (var i = 0; i < classes.Count; i++)
            foreach (var word in classes[i])
                foreach (var token in word)
                    _shares[i * _tokens.Length + Array.IndexOf(_tokens, token)] += 1.0 / classes[i].Length / word.Length;
    }

    public override bool ReadsSentenceTokenOnly => false;

    public override bool IsPerToken => false;

    public override IReadOnlyList<HeadTensor> Declare(Backbone backbone) => [];

    /// <returns>Scores of the classes: mean logits, or logs of probabilities, <c>[B, K]</c>.</returns>
    public override Tensor Forward(Backbone backbone, Tensor hidden, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout)
    {
        var states = backbone.MaskStates(hidden, batch);                                                            // [B, H]
        var logits = backbone.LanguageHead!.Forward(states, tuning.Weights);                                                        // [B, vocabulary]
        if (!_sumsProbabilities)
        {
            var shares = tensor(_shares, _tokensOfClass.Length, _tokens.Length).to(logits.dtype).ToDevice(logits.device);
            return nn.functional.linear(logits.index_select(1, IdsOf(_tokens)), shares);
        }

        var logs = nn.functional.log_softmax(logits, 1);
        return stack([.. _tokensOfClass.Select(tokens => logs.index_select(1, IdsOf(tokens)).logsumexp(1))], 1);

        Tensor IdsOf(long[] ids) => tensor(ids).ToDevice(logits.device);
    }
}
