using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>Words of a vocabulary and their vectors.</summary>
internal static class NearestWords
{
    /// <summary>The words' vectors, F32 <c>[P, E]</c>.</summary>
    public static Tensor Vectors(Backbone backbone, IEnumerable<int> words)
    {
        var embeddings = backbone.WordEmbeddings;
        return embeddings.index_select(0, tensor([.. words.Select(word => (long)word)]).ToDevice(embeddings.device)).ToTrainedType();
    }

    /// <summary>The word whose vector has the smallest Euclidean distance to each vector.</summary>
    /// <param name="vectors"><c>[P, E]</c>.</param>
    /// <returns>Token ids.</returns>
    public static int[] Of(Backbone backbone, Tensor vectors)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var embeddings = backbone.WordEmbeddings.ToTrainedType();
        return [.. cdist(vectors.ToDevice(embeddings.device).ToTrainedType(), embeddings).argmin(1).cpu().data<long>().ToArray().Select(word => (int)word)];
    }
}
