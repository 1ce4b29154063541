using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Generation;

/// <summary>What the settings forbid or discourage among the next tokens.</summary>
internal sealed class NextTokenRules(GenerationSettings settings, TextEnd end)
{
    /// <param name="scores">Logits or their logarithms of probabilities, F32 <c>[B, vocabulary]</c>; they may be changed.</param>
    /// <param name="written">The tokens that each row has so far, all equally many.</param>
    /// <returns>Scores of the same shape.</returns>
    public Tensor Apply(Tensor scores, IReadOnlyList<IReadOnlyList<int>> written)
    {
        var count = written[0].Count;
        if (end is { Id: { } forced, IsForced: true } && count == settings.MaxNewTokens - 1)
        {
            Forbid(scores).select(1, forced).zero_();
            return scores;
        }

        if (settings.RepetitionPenalty != 1 && count > 0)
            scores = Discourage(scores, written);
        if (end.Id is { } id && count < settings.MinNewTokens)
            Forbid(scores.select(1, id));
        return scores;
    }

    private static Tensor Forbid(Tensor scores)
    {
        using var never = float.NegativeInfinity.ToScalar();
        return scores.fill_(never);
    }

    private Tensor Discourage(Tensor logits, IReadOnlyList<IReadOnlyList<int>> written)
    {
        using var zero = 0.ToScalar();
        var seen = tensor([.. written.SelectMany(tokens => tokens).Select(id => (long)id)], written.Count, written[0].Count).ToDevice(logits.device);   // [B, U]
        var scores = logits.gather(1, seen);
        var penalized = where(scores.gt(zero), scores.DividedBy(settings.RepetitionPenalty), scores.Times(settings.RepetitionPenalty));
        return logits.scatter(1, seen, penalized);
    }
}
