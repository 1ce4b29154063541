using Microsoft.ML.Tokenizers;
using Microsoft.ML.TorchSharp.NasBert.Models;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>The encoder of Microsoft.ML.TorchSharp, NAS-BERT, in its own shape with random weights: no machine need reach the published ones.</summary>
internal static class RandomNasBert
{
    private const string FileName = "NasBert2000000.tsm";

    // As NasBertTrainer has it. It loads strictly: an encoder of another shape would be refused.
    private const int EmbeddingSize = 64, Layers = 24, MaxLength = 512;

    private static readonly int[] Architecture = [9, 11, 7, 0, 0, 0, 11, 11, 7, 0, 0, 0, 9, 7, 11, 0, 0, 0, 10, 7, 9, 0, 0, 0];

    /// <summary>Puts the weights where the trainers of <paramref name="context"/> look for them before they download any.</summary>
    /// <param name="folder">
    /// Becomes the context's folder for temporary files. Not the machine's: other programs would find the weights there and train on them.
    /// </param>
    /// <returns>The bytes of the file.</returns>
    public static long WriteFor(MLContext context, string folder)
    {
        context.TempFilePath = folder;
        var file = new FileInfo(Path.Combine(folder, "mlnet", FileName));
        if (!file.Exists)
            Write(file);
        return file.Length;
    }

    private static void Write(FileInfo file)
    {
        file.Directory!.Create();
        var tokenizer = CreateTokenizer();
        using var encoder = new NasBertEncoder(
            tokenizer.PadIndex, tokenizer.SymbolsCount, activationFn: "gelu", maxSeqLen: MaxLength, embedSize: EmbeddingSize, arches: Architecture,
            numSegments: 0, encoderNormalizeBefore: true, numEncoderLayers: Layers);
        var draft = $"{file.FullName}.{Guid.NewGuid():N}"; // Until it is whole.
        encoder.save(draft);
        File.Move(draft, file.FullName, overwrite: true);
        file.Refresh();
    }

    private static EnglishRobertaTokenizer CreateTokenizer()
    {
        var tokenizer = EnglishRobertaTokenizer.Create(
            Resource("encoder.json"), Resource("vocab.bpe"), Resource("dict.txt"), RobertaPreTokenizer.Instance, normalizer: null, filterUnsupportedChars: true);
        tokenizer.AddMaskSymbol("<mask>");
        return tokenizer;
    }

    private static Stream Resource(string name) => typeof(NasBertEncoder).Assembly.GetManifestResourceStream(name)!;
}
