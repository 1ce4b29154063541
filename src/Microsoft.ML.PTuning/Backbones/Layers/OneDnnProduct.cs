using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>oneDNN's product with a weight that has been put in order for it before, as libtorch offers it to compiled models.</summary>
/// <remarks>
/// TorchSharp does not have these operations. A program of TorchScript has, so one is written here that does nothing but call them. They have no
/// gradients.
/// </remarks>
internal static class OneDnnProduct
{
    /// <summary>The order is chosen for so many tokens, and suits any number. As an int it is passed by value, as a long it might be freed before.</summary>
    private const int Tokens = 512;

    private const string Program = """
        class Product(Module):
          __parameters__ = []
          __buffers__ = []
          training : bool
          _is_full_backward_hook : Optional[bool]
          def order(self: __torch__.Product,
            weight: Tensor,
            tokens: int) -> Tensor:
            return ops.mkldnn._reorder_linear_weight(weight, tokens)
          def linear(self: __torch__.Product,
            x: Tensor,
            weight: Tensor,
            bias: Tensor) -> Tensor:
            return ops.mkldnn._linear_pointwise(x, weight, bias, "none", annotate(List[Optional[number]], []), "")
          def gelu(self: __torch__.Product,
            x: Tensor,
            weight: Tensor,
            bias: Tensor) -> Tensor:
            return ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", annotate(List[Optional[number]], []), "none")

        """;

    // A pickled object of that class, with its two attributes: False and None.
    private const string Object = "\u0080\u0002c__torch__\nProduct\n)\u0081}(X\b\0\0\0training\u0089X\u0016\0\0\0_is_full_backward_hookNub.";

    private static readonly Lazy<jit.ScriptModule?> LazyModule = new(Load);

    private static readonly Lazy<bool> SuitsF32 = new(() => Works(ScalarType.Float32)), SuitsBF16 = new(() => Works(ScalarType.BFloat16));

    /// <summary>Whether this processor and this libtorch have the product in a type of number.</summary>
    public static bool Suits(ScalarType type) => type switch
    {
        ScalarType.Float32 => SuitsF32.Value,
        ScalarType.BFloat16 => SuitsBF16.Value,
        _ => false,
    };

    /// <param name="weight"><c>[to, from]</c>, of a type that <see cref="Suits"/>, on the CPU.</param>
    /// <returns>A copy in oneDNN's order.</returns>
    public static Tensor Order(Tensor weight) => (Tensor)LazyModule.Value!.invoke("order", weight, Tokens);

    /// <param name="x"><c>[..., from]</c>.</param>
    /// <param name="ordered">What <see cref="Order"/> gave.</param>
    /// <param name="bias"><c>[to]</c>.</param>
    /// <param name="gelu">Whether GELU follows.</param>
    /// <returns><c>[..., to]</c>.</returns>
    public static Tensor Of(Tensor x, Tensor ordered, Tensor bias, bool gelu) => (Tensor)LazyModule.Value!.invoke(gelu ? "gelu" : "linear", x, ordered, bias);

    private static bool Works(ScalarType type)
    {
        if (LazyModule.Value is null)
            return false;

        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        try
        {
            Of(ones(16, 32, type), Order(ones(64, 32, type)), zeros(64, type), gelu: true);
            return true;
        }
        catch (ExternalException)
        {
            return false; // Such as BF16 on a processor without AVX-512.
        }
    }

    private static jit.ScriptModule? Load()
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(archive, "data.pkl", Object);
            Add(archive, "code/__torch__.py", Program.ReplaceLineEndings("\n"));
            Add(archive, "constants.pkl", "\u0080\u0002).");
            Add(archive, "version", "3\n");
        }
        try
        {
            return jit.load(stream.ToArray());
        }
        catch (ExternalException)
        {
            return null; // A libtorch without oneDNN.
        }

        static void Add(ZipArchive archive, string name, string content)
        {
            using var stream = archive.CreateEntry($"product/{name}", CompressionLevel.NoCompression).Open();
            stream.Write(Encoding.Latin1.GetBytes(content));
        }
    }
}
