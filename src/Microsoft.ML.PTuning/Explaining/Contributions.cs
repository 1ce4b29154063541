using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Explaining;

/// <summary>What each token of a text contributes to an output: integrated gradients over the word embeddings (Sundararajan et al. 2017).</summary>
/// <remarks>
/// Gradient · input, averaged over the way from a text without content, where every token has the mean vector of the vocabulary, to the text itself.
/// The gradient at the text alone says little here: layer normalisation follows the embeddings, and the output hardly depends on a vector's length.
/// Special tokens, trained tokens and the words of a pattern stay as they are.
/// </remarks>
/// <param name="model">It must not be disposed meanwhile.</param>
internal sealed class Contributions(PromptModel model)
{
    /// <summary>Points on the way; they share a batch.</summary>
    private const int Steps = 16;

    /// <param name="row">The row, with the texts' tokens.</param>
    /// <param name="textTokens">The places of these among the row's tokens.</param>
    /// <param name="evidence">What is explained, <c>[B]</c>, from the head's outputs, <c>[B, K]</c>.</param>
    /// <returns>
    /// A number per token of the row; 0 for those that are not of the texts. They sum to what the text adds, up to the error of the sum over steps.
    /// </returns>
    public double[] Of(EncodedRow row, IReadOnlyCollection<int> textTokens, Func<Tensor, Tensor> evidence)
    {
        var contributions = Array.Empty<double>();
        if (model.Device.type == DeviceType.CPU)
            WorkerThreads.Shared.Run(1, _ => contributions = Compute(row, textTokens, evidence), isUrgent: true, model.Limit);
        else
            contributions = Compute(row, textTokens, evidence);
        return contributions;
    }

    private double[] Compute(EncodedRow row, IReadOnlyCollection<int> textTokens, Func<Tensor, Tensor> evidence)
    {
        using var scope = NewDisposeScope();
        using var ordinary = inference_mode(false);
        using var gradients = enable_grad();
        var backbone = model.Network.Encoder.Backbone;
        var batch = model.Network.AddDecoder(EncodedRow.Collate([.. Enumerable.Repeat(row, Steps)], model.Tokenizer.PadId, model.Device));
        var arranged = model.Method.Arrange(batch, backbone);
        var isText = new float[arranged.Read.Length + arranged.Read.DecoderLength];
        foreach (var token in textTokens)
            isText[PlaceOf(token, arranged)] = 1;

        var (way, points) = (default(Tensor), default(Tensor)); // [C, E], [C, T, E]; C: steps and copies of the row.
        evidence(model.Network.Forward(batch, model.Tensors, dropout: null, Interpolate)).sum().backward();

        var byToken = points!.grad!.to(ScalarType.Float64).mul(way!.to(ScalarType.Float64)).sum([2]);                // [C, P + T]
        var sums = byToken.sum([0]).DividedBy(Steps).cpu().contiguous().data<double>().ToArray();
        return [.. Enumerable.Range(0, row.Length).Select(token => sums[PlaceOf(token, arranged)])];

        Tensor Interpolate(Tensor vectors)
        {
            using var inner = NewDisposeScope();
            using var frozen = no_grad();
            var real = tensor(isText).view(1, -1, 1).to(vectors.dtype).ToDevice(model.Device);
            var empty = backbone.WordEmbeddings.to(vectors.dtype).mean([0]).neg();
            way = vectors.Plus(empty).mul(real);
            var missing = Enumerable.Range(0, (int)vectors.size(0)).Select(i => (Steps - i % Steps - 0.5f) / Steps).ToArray();     // From 1 to 0.
            points = vectors.Plus(way.mul(tensor(missing).view(-1, 1, 1).to(vectors.dtype).ToDevice(model.Device)).neg());
            way.MoveToOtherDisposeScope(scope);
            return points.MoveToOtherDisposeScope(scope).requires_grad_();
        }
    }

    /// <summary>The place of a row's token among those that the encoder reads.</summary>
    private static int PlaceOf(int token, ArrangedBatch arranged)
    {
        var (start, end) = (arranged.Added.Start.Value, arranged.Added.End.Value);
        return token < start ? token : token + end - start;
    }
}
