using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Exchange;

/// <summary>What an imported model computes for the token ids of a golden file.</summary>
internal static class ImportedScores
{
    /// <summary>
    /// A row of logits comes from about twenty sums of some 32 terms, each of which F32 rounds by 2^-24 at most: 20 · 32 · 2^-24 = 4e-5 of their sizes,
    /// which are about 1.
    /// </summary>
    private const double Tolerance = 4e-5;

    /// <summary>The logits of the file's batch, <c>[B, ...]</c>.</summary>
    public static Tensor Of(PTuningV2Transformer model, IReadOnlyDictionary<string, Tensor> golden)
    {
        using var frozen = no_grad();
        var length = golden["input.input_ids"].shape[^1];
        var ids = golden["input.input_ids"].view(-1, length);
        var segments = golden.TryGetValue("input.token_type_ids", out var given) ? given.view(-1, length) : zeros_like(ids);
        var mask = golden["input.attention_mask"].view(-1, length).to(ScalarType.Float32);
        return model.Model.Network.Forward(new EncodedBatch(ids, segments, mask), model.Model.Tensors);
    }

    /// <summary>Fails unless a model gives the file's logits, at padding excepted.</summary>
    public static void AreClose(IReadOnlyDictionary<string, Tensor> golden, PTuningV2Transformer model)
    {
        using var scope = NewDisposeScope();
        var actual = Of(model, golden);
        var expected = golden.TryGetValue("expect.start_logits", out var starts) ? stack([starts, golden["expect.end_logits"]], 2) : golden["expect.logits"];
        var isPerToken = actual.dim() == 3;
        AreClose(expected.reshape(actual.shape), actual, isPerToken ? golden["input.attention_mask"].to(ScalarType.Float32).unsqueeze(2) : null);
    }

    /// <param name="mask">1 where numbers are compared; null for everywhere.</param>
    public static void AreClose(Tensor expected, Tensor actual, Tensor? mask = null)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape);
        var difference = (expected - actual).abs() * (mask ?? ones(1));
        var largest = difference.max().item<float>();
        Assert.IsLessThan(Tolerance, (double)largest, $"The largest difference is {largest}.");
        Assert.IsGreaterThan(1000 * Tolerance, (double)expected.abs().max().item<float>(), "The numbers are too small to tell models apart.");
    }
}
