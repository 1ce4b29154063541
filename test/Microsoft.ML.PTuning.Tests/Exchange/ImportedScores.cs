using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tasks;
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

    /// <summary>The logits of the file's batch, <c>[B, ...]</c>; of a language model those of the file's words for each token, the method's first.</summary>
    public static Tensor Of(PTuningV2Transformer model, IReadOnlyDictionary<string, Tensor> golden)
    {
        using var frozen = no_grad();
        var length = golden["input.input_ids"].shape[^1];
        var ids = golden["input.input_ids"].view(-1, length);
        var segments = golden.TryGetValue("input.token_type_ids", out var given) ? given.view(-1, length) : zeros_like(ids);
        var mask = golden["input.attention_mask"].view(-1, length).to(ScalarType.Float32);
        var batch = new EncodedBatch(ids, segments, mask);
        return model.Model.Task is TextGeneration
            ? OfLanguageModel(model, batch).narrow(2, 0, golden["expect.logits"].size(2))
            : model.Model.Network.Forward(batch, model.Model.Tensors);
    }

    /// <summary>The logits of the next word behind each token, <c>[B, P + T, vocabulary]</c>; behind those that a decoder reads, where it reads some.</summary>
    public static Tensor OfLanguageModel(PTuningV2Transformer model, EncodedBatch batch)
    {
        using var frozen = no_grad();
        var encoder = model.Model.Network.Encoder;
        var tuning = encoder.Method.Tune(encoder.Backbone, model.Model.Tensors, batch.Rows, dropout: null);
        var states = encoder.Backbone.Forward(encoder.Method.Arrange(batch, encoder.Backbone).Read, tuning, encoder.ReservedPositions);
        return encoder.Backbone.LanguageHead!.Forward(states.reshape(-1, states.size(2)), tuning.Weights).view(states.size(0), states.size(1), -1);
    }

    /// <summary>Fails unless a model gives the file's logits, at padding excepted.</summary>
    public static void AreClose(IReadOnlyDictionary<string, Tensor> golden, PTuningV2Transformer model)
    {
        using var scope = NewDisposeScope();
        var actual = Of(model, golden);
        var expected = golden.TryGetValue("expect.start_logits", out var starts) ? stack([starts, golden["expect.end_logits"]], 2) : golden["expect.logits"];
        var isPerToken = actual.dim() == 3;
        AreClose(expected.reshape(actual.shape), actual, isPerToken ? MaskOf(golden, actual.size(1)) : null);
    }

    /// <summary>1 at a token of the text and at those of the method before it, <c>[B, T, 1]</c>.</summary>
    private static Tensor MaskOf(IReadOnlyDictionary<string, Tensor> golden, long tokens)
    {
        var ofText = golden["input.attention_mask"].to(ScalarType.Float32);
        return cat([ones(ofText.size(0), tokens - ofText.size(1)), ofText], 1).unsqueeze(2);
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
