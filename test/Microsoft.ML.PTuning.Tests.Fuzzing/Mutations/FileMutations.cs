namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>Changes a file by the format that its name tells.</summary>
internal static class FileMutations
{
    private const int OnceByBytes = 6;

    /// <param name="other">A file of the same format, to splice with.</param>
    public static byte[] Change(string name, byte[] file, byte[] other, Dice dice)
    {
        if (dice.OnceIn(OnceByBytes))
            return ByteMutations.Change(file, other, dice);

        var changed = Path.GetExtension(name) switch
        {
            ".json" => JsonMutations.Change(file, other, dice),
            ".txt" or ".jsonl" => LineMutations.Change(file, other, dice),
            ".safetensors" => SafetensorsMutations.Change(file, other, dice),
            ".onnx" or ".model" => ProtobufMutations.Change(file, other, dice),
            ".zip" or ".bin" => ZipMutations.Change(file, other, dice),
            ".pkl" => PickleMutations.Change(file, other, dice),
            _ => ByteMutations.Change(file, other, dice),
        };
        return dice.OnceIn(OnceByBytes) ? ByteMutations.Change(changed, other, dice) : changed;
    }
}
