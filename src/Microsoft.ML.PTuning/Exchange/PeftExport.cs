using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>Writes a model as an adapter of PEFT: names, shapes, settings and bytes are those of PEFT's own <c>save_pretrained</c>.</summary>
internal static class PeftExport
{
    /// <param name="folder">It is made if it is not there.</param>
    /// <param name="baseModel">What PEFT loads as the encoder; null for the hub id, or the encoder's folder.</param>
    /// <exception cref="NotSupportedException">PEFT has no such model; the message says what differs.</exception>
    public static void Write(PromptModel model, string folder, string? baseModel)
    {
        var misfits = PeftMisfits.Of(model).ToArray();
        if (misfits.Length > 0)
            throw new NotSupportedException($"PEFT has no model that computes what this one does: {string.Join("; ", misfits)}.");

        model.Use(trained =>
        {
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            var tensors = Method(model, trained).Concat(Head(model, trained)).OrderBy(pair => pair.Name, StringComparer.Ordinal).ToArray();
            var settings = PeftSettings.Of(model, baseModel);
            Directory.CreateDirectory(folder);
            WholeFile.Write(Path.Combine(folder, PeftNames.Weights), stream => SafetensorsWriter.Write(
                stream, tensors, SafetensorsStorage.F32, new Dictionary<string, string> { ["format"] = "pt" }));
            WholeFile.Write(Path.Combine(folder, PeftNames.Configuration), stream => stream.Write(settings));
        });
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Method(PromptModel model, TrainedTensors trained)
    {
        var backbone = model.Network.Encoder.Backbone;
        if (model.Method is DeepPrefix)
            return [(PeftNames.Prompts, trained[TrainedTensors.Prefix].flatten(1))];
        if (model.Method is InputPromptMethod)
            return [(PeftNames.Prompts, trained[TrainedTensors.Prompt])];

        var prefix = PeftNames.LowRankPrefix + backbone.OwnFamily.Keys.Prefix;
        return model.Method.Declare(backbone).Select(tensor => (prefix + tensor.Name[TrainedTensors.OfBackbone("").Length..], trained[tensor.Name]));
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Head(PromptModel model, TrainedTensors trained)
    {
        if (model.Task is TextGeneration)
            yield break; // The language model's own.

        var backbone = model.Network.Encoder.Backbone;
        var prefix = model.Method is LowRankAdaptation ? PeftNames.LowRankPrefix : PeftNames.PromptPrefix;
        var (pooler, output) = TransformersHead.NamesOf(ImportedTask.FormOf(model.Task), backbone);
        var (weight, bias) = Output(model.Task, trained);
        yield return ($"{prefix}{output}.weight", weight);
        yield return ($"{prefix}{output}.bias", bias);
        if (pooler is null || TransformersHead.IsOfEncoder(pooler, backbone))
            yield break;

        // The encoder's own pooler becomes the dense layer that such a head has.
        var isTrained = trained.Contains(HeadTensor.PoolerWeight);
        yield return ($"{prefix}{pooler}.weight", isTrained ? trained[HeadTensor.PoolerWeight] : backbone.Tensors["pooler.dense.weight"]);
        yield return ($"{prefix}{pooler}.bias", isTrained ? trained[HeadTensor.PoolerBias] : backbone.Tensors["pooler.dense.bias"]);
    }

    /// <summary>The last linear layer. That of a regression gives the label's own unit.</summary>
    private static (Tensor Weight, Tensor Bias) Output(PromptTask task, TrainedTensors trained)
    {
        var (weight, bias) = (trained[HeadTensor.Weight], trained[HeadTensor.Bias]);
        return task is TextRegression regression
            ? (weight.Times(regression.TargetDeviation), bias.Times(regression.TargetDeviation).Plus(tensor((float)regression.TargetMean)))
            : (weight, bias);
    }
}
