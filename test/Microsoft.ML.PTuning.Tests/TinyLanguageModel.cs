using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Whole language models of random weights.</summary>
internal static class TinyLanguageModel
{
    /// <summary>A tiny BERT with the head of its language model.</summary>
    public static TinyCheckpoint Checkpoint()
    {
        var checkpoint = new TinyCheckpoint();
        var draw = new Draw();
        checkpoint.Tensors["cls.predictions.transform.dense.weight"] = draw.Normal(8, 8);
        checkpoint.Tensors["cls.predictions.transform.dense.bias"] = draw.Normal(8);
        checkpoint.Tensors["cls.predictions.transform.LayerNorm.weight"] = draw.Normal(8);
        checkpoint.Tensors["cls.predictions.transform.LayerNorm.bias"] = draw.Normal(8);
        checkpoint.Tensors["cls.predictions.bias"] = draw.Normal(30);
        return checkpoint;
    }
}
