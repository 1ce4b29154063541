namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>One tensor as a safetensors header describes it.</summary>
/// <param name="Offset">Where its bytes begin, counted from the beginning of the file.</param>
/// <param name="ByteLength">How many bytes it takes.</param>
internal sealed record SafetensorsEntry(string Name, string Type, long[] Shape, long Offset, long ByteLength) : CheckpointEntry(Name, Type, Shape);
