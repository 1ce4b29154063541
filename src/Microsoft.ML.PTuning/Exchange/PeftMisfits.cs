using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>What a model computes that no model of PEFT does.</summary>
internal static class PeftMisfits
{
    public static IEnumerable<string> Of(PromptModel model)
    {
        var backbone = model.Network.Encoder.Backbone;
        return OfMethod(model.Method, model.Task, backbone).Concat(OfTask(model.Task, model.Method, backbone));
    }

    private static IEnumerable<string> OfMethod(TuningMethod method, PromptTask task, Backbone backbone) => method switch
    {
        DeepPrefix or InputPromptMethod when task is TextGeneration && PeftNames.TextTaskOf(backbone) == PeftNames.TextToText =>
            [$"the method is {method.KindName} over {backbone.Configuration.ModelType}, and {PeftConfiguration.NoTextToTextPrompts}; use {LowRankAdaptation.Kind}"],
        DeepPrefix prefix => OfPrefix(prefix, backbone),
        PromptTuning or PTuningV1 => OfPrompt((InputPromptMethod)method, task, backbone),
        LowRankAdaptation => [],
        _ =>
        [
            $"the method is {method.KindName}, and PEFT has none that does this; a deep prefix, {PromptTuning.Kind}, {PTuningV1.Kind} and "
                + $"{LowRankAdaptation.Kind} can be exported",
        ],
    };

    private static IEnumerable<string> OfPrefix(DeepPrefix prefix, Backbone backbone)
    {
        var (type, layers) = (backbone.Configuration.ModelType, backbone.Configuration.Layers);
        if (!BackboneFamilies.Find(type)!.TakesPrefix)
            yield return $"transformers' {type} takes no prefix (past_key_values)";
        if (prefix.ShapeFor(backbone).Layers < layers)
            yield return $"only {prefix.ShapeFor(backbone).Layers} of {layers} layers have a prefix, and in PEFT all have one";
        if (prefix.PositionOffset != PositionOffset.Prefix)
            yield return $"PositionOffset is {prefix.PositionOffset}, and PEFT's text begins at the position behind the prefix";
        if (prefix.TrainedLength is { } trained && trained != prefix.PrefixLength)
            yield return $"the prefix was cut from {trained} to {prefix.PrefixLength} positions, and the text still begins at position {trained}";
        if (prefix.Gate)
            yield return "the prefix has gates (PrefixGate), which PEFT does not have";
    }

    private static IEnumerable<string> OfPrompt(InputPromptMethod method, PromptTask task, Backbone backbone)
    {
        var encoder = backbone.Configuration;
        if (method.Placement != PromptPlacement.BeforeText)
            yield return $"Placement is {method.Placement}, and PEFT's prompts stand before the text";
        if (method is PromptTuning { EmbedsTwice: true })
            yield return "EmbedsTwice embeds the text twice, and PEFT embeds it once";
        if (encoder.EmbeddingSize != encoder.HiddenSize)
            yield return $"the word embeddings have {encoder.EmbeddingSize} numbers and the layers {encoder.HiddenSize}, "
                + "and PEFT's prompts have as many as the layers";
        if (ImportedTask.FormOf(task) == TaskForm.Sentence && !method.ReadsFirstVector)
            yield return "the head reads the text's first token, and in PEFT the first vector of the prompt: "
                + $"train with {nameof(PromptTuning.ReadsPrompt)} = true";
        if (ImportedTask.FormOf(task) != TaskForm.Sentence && method.ReadsFirstVector)
            yield return $"{nameof(PromptTuning.ReadsPrompt)} is true, which means nothing for PEFT's heads that read every token";
    }

    private static IEnumerable<string> OfTask(PromptTask task, TuningMethod method, Backbone backbone) => task switch
    {
        SentenceClassification { Verbalizer: not null } =>
            ["the language model's head scores the words of a Verbalizer, and PEFT's classifiers have trained heads"],
        SentenceTask { Pattern: { } pattern } => [$"texts are read in the pattern \"{pattern}\", and an adapter has no place for it"],
        SentenceTask sentence => OfSentences((SentenceHead)sentence.Head, method, backbone),
        NamedEntityRecognition { PredicateColumnName: not null } => ["each row has a predicate behind its sentence, and an adapter has no place for it"],
        NamedEntityRecognition or QuestionAnswering => [],
        TextGeneration => PeftNames.TextTaskOf(backbone) is not null ? []
            : [$"the language model is of the family {backbone.Configuration.ModelType}, whose models in transformers compute otherwise"],
        _ => [$"the task is {ImportedTask.Describe(task)}, and PEFT's task types are {PeftNames.Sentences}, {PeftNames.Tags}, {PeftNames.Answers}, "
            + $"{PeftNames.CausalText} and {PeftNames.TextToText}"],
    };

    private static IEnumerable<string> OfSentences(SentenceHead head, TuningMethod method, Backbone backbone)
    {
        var type = backbone.Configuration.ModelType;
        if (BackboneFamilies.Find(type)!.SentenceHead is not { } names)
        {
            yield return $"transformers' sentence classifier over {type} is not a pooler, then a linear layer";
            yield break;
        }

        var (pooling, isEncoders) = (head.PoolingOver(backbone), TransformersHead.IsOfEncoder(names.Pooler, backbone));
        if (pooling == Pooling.Mean)
            yield return "Pooling is Mean, and transformers' classifier reads one token: train with "
                + $"Pooling.{(isEncoders ? Pooling.Checkpoint : Pooling.Trained)}";
        else if (pooling == Pooling.Trained && names.Output == TransformersHead.Tags)
            yield return $"Pooling is Trained, and the pooler of transformers' {type} classifier is not trained and not saved: train with Pooling.Checkpoint";
    }
}
