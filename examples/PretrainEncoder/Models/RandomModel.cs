using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace PretrainEncoder.Models;

/// <summary>A language model of random weights.</summary>
/// <remarks>
/// Biases are 0 and norms change nothing. The weights of a linear layer have the deviation 1 / √inputs, so that its output is as large as its input, whatever
/// the model's size; embeddings have 0.02, as in BERT and GPT-2.
/// </remarks>
internal static class RandomModel
{
    public static Backbone Create(ModelFiles files, LanguageModel model, Generator generator)
    {
        string folder = Directory.CreateTempSubdirectory("pretrain-").FullName;
        try
        {
            using var scope = NewDisposeScope();
            files.WriteDescription(folder);
            var configuration = BackboneConfiguration.Read(folder);
            (string, Tensor)[] weights =
                [.. Declare(configuration).Select(tensor => (files.KeyOf(tensor.Name), Value(tensor, model, configuration, generator)))];
            ModelFiles.WriteWeights(folder, weights, SafetensorsStorage.F16); // Read as F32, F16 is copied instead of mapped, and the file can go.
            return Backbone.Load(folder, CPU, withLanguageHead: true);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The tensors of the encoder and of its language model's head, without a pooler.</summary>
    private static IEnumerable<TensorDeclaration> Declare(BackboneConfiguration configuration)
    {
        BackboneFamily family = BackboneFamilies.Find(configuration.ModelType)!;
        return family.Declare(configuration).Where(tensor => !tensor.Optional).Concat(LanguageHead.Declare(family.LanguageHead!, configuration));
    }

    private static Tensor Value(TensorDeclaration tensor, LanguageModel model, BackboneConfiguration configuration, Generator generator)
    {
        if (tensor.Shape.Length == 1)
            return tensor.Name.EndsWith("bias", StringComparison.Ordinal) ? zeros(tensor.Shape) : ones(tensor.Shape);

        return Initializers.Normal(generator, Deviation(tensor, model, configuration))(tensor.Shape);
    }

    private static double Deviation(TensorDeclaration tensor, LanguageModel model, BackboneConfiguration configuration)
    {
        if (tensor.Name.Contains("embeddings.", StringComparison.Ordinal) || tensor.Name is "wte.weight" or "wpe.weight")
            return Initializers.StandardDeviation;

        BackboneFamily family = BackboneFamilies.Find(configuration.ModelType)!;
        LinearNames[] layers = [.. Enumerable.Range(0, configuration.Layers).Select(layer => family.Linear(configuration, layer))];
        bool isResidual = layers.Any(layer => tensor.Module == layer.AttentionOutput || tensor.Module == layer.Output);
        long inputs = tensor.Shape[layers[0].IsTransposed ? 0 : 1];
        return (isResidual ? model.ResidualScale(configuration.Layers) : 1) / Math.Sqrt(inputs);
    }
}
