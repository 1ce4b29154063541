using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Layers;

[TestClass]
[TestCategory("Numeric")]
public sealed class LinearProductTests
{
    private const int From = 384, To = 40;

    private readonly Draw _draw = new();

    [TestMethod]
    [DataRow(16)]
    [DataRow(31)]
    [DataRow(64)]
    [DataRow(65)]
    [DataRow(512)]
    public void Convolution_gives_the_product_and_its_gradients_but_for_rounding(int tokens)
    {
        using var scope = NewDisposeScope();
        var inputs = new[] { _draw.Normal(tokens, From), _draw.Normal(To, From), _draw.Normal(To) };
        var gradient = _draw.Normal(tokens, To);
        var (x, w, b, g) = (InF64(inputs[0]), InF64(inputs[1]), InF64(inputs[2]), InF64(gradient));

        var product = LinearProduct.ByConvolution(inputs[0].requires_grad_(), inputs[1].requires_grad_(), inputs[2].requires_grad_());
        product.backward([gradient]);

        AreSums(x, w.t(), product, b);
        AreSums(g, w, inputs[0].grad!);
        AreSums(g.t(), x, inputs[1].grad!);
        AreSums(InF64(ones(1, tokens)), g, inputs[2].grad!.unsqueeze(0));
    }

    [TestMethod]
    public void Convolution_of_a_frozen_weight_passes_the_gradient_on_beside_a_sum_in_place()
    {
        using var scope = NewDisposeScope();
        var (x, w, residual) = (_draw.Normal(65, From).requires_grad_(), _draw.Normal(To, From), _draw.Normal(65, To).requires_grad_());
        var gradient = _draw.Normal(65, To);

        var sum = LinearProduct.ByConvolution(x, w, bias: null).AddInPlace(residual);
        sum.backward([gradient]);

        AreSums(InF64(x), InF64(w).t(), sum, added: InF64(residual));
        AreSums(InF64(gradient), InF64(w), x.grad!);
        Numbers.AreClose(gradient, residual.grad!, absolute: 0, relative: 0);
    }

    [TestMethod]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.Float64)]
    [DataRow(ScalarType.BFloat16)]
    public void Product_keeps_the_shape_and_type_of_its_input(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var (x, w) = (_draw.Normal(3, 70, From).to(type), _draw.Normal(To, From).to(type));

        var product = LinearProduct.Of(x, w, bias: null);

        CollectionAssert.AreEqual(new long[] { 3, 70, To }, product.shape);
        Assert.AreEqual(type, product.dtype);
    }

    [TestMethod]
    public void Product_takes_views()
    {
        using var scope = NewDisposeScope();
        var x = _draw.Normal(2, From, 70).transpose(1, 2);                       // [2, 70, From]
        var (whole, transposed) = (_draw.Normal(To, From), _draw.Normal(From, To));

        AreSums(InF64(x), InF64(whole).t(), LinearProduct.Of(x, whole, bias: null));
        AreSums(InF64(x), InF64(whole).t(), LinearProduct.ByConvolution(x, whole, bias: null));
        AreSums(InF64(x), InF64(transposed), LinearProduct.Of(x, transposed.t(), bias: null));
    }

    /// <summary>Fails unless each number is a row of <paramref name="left"/> by a column of <paramref name="right"/>, but for F32's rounding.</summary>
    /// <remarks>A sum of n terms in F32 is off by n · 2^-24 of the sum of their magnitudes at most, in any order.</remarks>
    private static void AreSums(Tensor left, Tensor right, Tensor actual, Tensor? added = null)
    {
        var (expected, magnitude) = (left.matmul(right), left.abs().matmul(right.abs()));
        if (added is not null)
            (expected, magnitude) = (expected + added, magnitude + added.abs());
        var excess = (InF64(actual) - expected).abs() - magnitude * ((left.size(-1) + 1) * Math.Pow(2, -24));
        Assert.IsLessThanOrEqualTo(0, excess.max().item<double>());
    }

    private static Tensor InF64(Tensor x) => x.to(ScalarType.Float64);
}
