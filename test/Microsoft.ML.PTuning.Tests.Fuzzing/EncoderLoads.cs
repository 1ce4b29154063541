using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>Loads encoders, and runs them.</summary>
internal static class EncoderLoads
{
    private const int Rows = 2, Tokens = 3;

    public static void Safetensors(string folder, string variant) => All(SafetensorsFile.Open(Path.Combine(folder, "model.safetensors")), folder);

    public static void Torch(string folder, string variant) => All(TorchFile.Open(Path.Combine(folder, "pytorch_model.bin")), folder);

    public static void Onnx(string folder, string variant)
    {
        var inFolder = Path.Combine(folder, "onnx", "model.onnx");
        All(OnnxFile.Open(File.Exists(inFolder) ? inFolder : Path.Combine(folder, "model.onnx")), folder);
    }

    public static void Encoder(string folder, string variant)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var backbone = Backbone.Load(folder, CPU);
        var tokens = Math.Min(Tokens, backbone.MaxPositions);
        var ids = zeros([Rows, tokens], ScalarType.Int64);
        var hidden = backbone.Forward(new EncodedBatch(ids, zeros_like(ids), Mask: null));
        if (hidden.size(1) != tokens || hidden.size(2) != backbone.Configuration.HiddenSize)
            throw new FuzzFailureException($"The encoder gives states of another shape: {string.Join(", ", hidden.shape)}.");
    }

    /// <summary>Every tensor in a file, whatever it is, then the encoder.</summary>
    private static void All(ICheckpoint checkpoint, string folder)
    {
        using (checkpoint)
        {
            foreach (var tensor in checkpoint.Tensors)
            {
                try
                {
                    using var loaded = checkpoint.Load(tensor.Name);
                    loaded.sum().Dispose();
                }
                catch (InvalidDataException e) when (e.Message.Contains(folder, StringComparison.Ordinal))
                {
                    // One tensor may be refused, and others be needed.
                }
            }
        }
        Encoder(folder, "");
    }
}
