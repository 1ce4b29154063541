using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>What <c>config.json</c> of transformers says of a model's head.</summary>
/// <param name="Classes">The classes in the order of the outputs; null where it names none.</param>
/// <param name="Architecture">The model's class: <c>BertForSequenceClassification</c>; null where it names none.</param>
internal sealed record TransformersConfig(IReadOnlyList<string>? Classes, bool IsMultiLabel, string? Architecture)
{
    public static TransformersConfig Read(string folder)
    {
        using var file = ConfigurationFile.Open(Path.Combine(folder, BackboneConfiguration.FileName), "does not describe a model of transformers");
        var read = new TransformersConfig(
            file.Numbered("id2label"), file.Text("problem_type") == "multi_label_classification", file.Texts("architectures").FirstOrDefault());
        file.ThrowIfFaulty();
        return read;
    }
}
