using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>The names of PEFT's files, tensors and settings. They are the same from version 0.3.0 on.</summary>
internal static class PeftNames
{
    public const string Configuration = "adapter_config.json", Weights = "adapter_model.safetensors", TorchWeights = "adapter_model.bin";

    /// <summary>The tensor of all methods that train prompts.</summary>
    public const string Prompts = "prompt_embeddings";

    /// <summary>What the names of a head, or of the encoder's modules, begin with.</summary>
    public const string PromptPrefix = "base_model.", LowRankPrefix = "base_model.model.";

    /// <summary>Endings of the two matrices of a linear layer.</summary>
    public const string LowRankA = ".lora_A.weight", LowRankB = ".lora_B.weight";

    /// <summary>Values of <c>peft_type</c>.</summary>
    public const string PrefixTuning = "PREFIX_TUNING", PromptTuning = "PROMPT_TUNING", PTuning = "P_TUNING", LowRank = "LORA";

    /// <summary>Values of <c>task_type</c>.</summary>
    public const string Sentences = "SEQ_CLS", Tags = "TOKEN_CLS", Answers = "QUESTION_ANS", CausalText = "CAUSAL_LM", TextToText = "SEQ_2_SEQ_LM";

    /// <inheritdoc cref="BackboneFamily.LanguageModelTask"/>
    public static string? TextTaskOf(Backbone backbone) => backbone.OwnFamily.LanguageModelTask;
}
