using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Generation;

/// <summary>What the settings forbid or discourage among the next tokens.</summary>
internal sealed class NextTokenRules(GenerationSettings settings, TextEnd end)
{
    /// <param name="logits">F32 <c>[B, vocabulary]</c>; it may be changed.</param>
    /// <param name="written">The tokens that each row has so far, all equally many.</param>
    /// <returns>Logits of the same shape.</returns>
    public Tensor Apply(Tensor logits, IReadOnlyList<IReadOnlyList<int>> written)
    {
        if (settings.RepetitionPenalty != 1 && written[0].Count > 0)
            logits = Discourage(logits, written);
        if (end.Id is { } id && written[0].Count < settings.MinNewTokens)
            Forbid(logits.select(1, id));
        return logits;
    }

    /// <summary>Sets scores to -∞.</summary>
    public static Tensor Forbid(Tensor scores)
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
