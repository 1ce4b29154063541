namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>A parser of the library, and how a user comes to it.</summary>
/// <param name="Name">In commands and reports.</param>
/// <param name="Files">Names or patterns of the files that are changed, at any depth of a seed's folder.</param>
/// <param name="Load">Loads the files in a folder and uses what it got; the folder's path, and the variant's name.</param>
internal sealed record FuzzedParser(string Name, string[] Files, Action<string, string> Load)
{
    /// <summary>Whether an exception that comes from ML.NET's own code, with no code of ours below, is a clear refusal.</summary>
    public bool MayBeRefusedByMLNet { get; init; }

    /// <summary>A further exception that is documented; null for none.</summary>
    public Type? AlsoDocumented { get; init; }

    public static IReadOnlyList<FuzzedParser> All { get; } =
    [
        new("model-zip", ["model.zip"], ModelLoads.OwnZip),
        new("mlnet-zip", ["model.zip"], ModelLoads.MLNetZip) { MayBeRefusedByMLNet = true },
        new("prompt-json", ["Prompt.json"], ModelLoads.Entries),
        new("prompt-tensors", ["Prompt.safetensors"], ModelLoads.Entries),
        new("safetensors", ["*.safetensors"], EncoderLoads.Safetensors),
        new("torch", ["*.bin"], EncoderLoads.Torch),
        new("onnx", ["*.onnx", "*.onnx_data"], EncoderLoads.Onnx),
        new("sharded-index", ["*.index.json"], EncoderLoads.Encoder),
        new("config", ["config.json", "modules.json"], EncoderLoads.Encoder),
        new("tokenizer-json", ["tokenizer.json"], TokenizerLoads.Load),
        new("tokenizer-config", ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"], TokenizerLoads.Load),
        new("vocabulary", ["vocab.txt", "vocab.json", "merges.txt"], TokenizerLoads.Load),
        new("sentencepiece", ["*.model"], TokenizerLoads.Load),
        new("training-checkpoint", ["step-*.safetensors"], CheckpointedTraining.Load) { AlsoDocumented = typeof(InvalidOperationException) }, // Another training's.
        new("peft-adapter", ["adapter_config.json", "adapter_model.*"], ForeignLoads.Peft),
        new("adapterhub-prefix", ["adapter_config.json", "head_config.json", "adapter.safetensors", "model_head.safetensors"], ForeignLoads.AdapterHub),
        new("sweep-results", ["*.jsonl"], SweepLoads.Load),
    ];
}
