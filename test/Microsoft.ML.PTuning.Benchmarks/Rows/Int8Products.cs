using Microsoft.ML.PTuning.Compute;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Would INT8 pay? The products of a layer of all-MiniLM-L6-v2 on one core as <see cref="BackbonePrecision.Auto"/> has them, and in INT8.</summary>
/// <remarks>
/// INT8 is everything that takes the product's place: activations rounded per token, the product of whole numbers, and its result scaled, with the bias,
/// back to F32. Weights are rounded per output beforehand. TorchSharp offers none of it, TorchScript all (<c>aten::_int_mm</c>, which is oneDNN's).
/// </remarks>
internal sealed class Int8Products : IBenchmark
{
    private const int Tokens = BatchPlanner.CoreBudget, Hidden = 384, Repetitions = 20;

    // Queries, keys, values and the attention's output; feed-forward, there and back.
    private static readonly (int From, int To)[] Layer = [.. Enumerable.Repeat((Hidden, Hidden), 4), (Hidden, 4 * Hidden), (4 * Hidden, Hidden)];

    private const string Script = """
        def linear(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
            step = torch.amax(torch.abs(x), [1], True) / 127.0
            whole = torch.round(x / step).to(1) # INT8
            return torch.addcmul(bias, torch._int_mm(whole, weight) * step, scale)

        """;

    public string Name => "int8-products";

    public string Comparison => $"a MiniLM layer's products of {Tokens} tokens in INT8, rounding included, against BF16 or F32, whichever is faster; one core";

    public Ratio Measure(int threads) => SingleCoreThread.Run(Name, () =>
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        using var script = jit.compile(Script);
        var type = BackbonePrecision.Auto.On(CPU).ElementType();
        var products = Layer.Select(shape => new Product(shape.From, shape.To, type)).ToArray();
        var error = products.Max(product => product.ErrorOf(script));
        var measured = PairedMeasurement.Measure(() => Repeat(product => product.Exact()), () => Repeat(product => product.Int8(script)));
        return measured with { Note = FormattableString.Invariant($"{measured.Note}; {type}; error of INT8: {error:P1} of the results' size") };

        void Repeat(Func<Product, Tensor> compute)
        {
            for (var i = 0; i < Repetitions; i++)
                foreach (var product in products)
                    compute(product).Dispose();
        }
    });

    private sealed class Product
    {
        private readonly Tensor _states, _weight, _bias, _exactStates, _exactWeight, _exactBias, _whole, _scale;

        public Product(int from, int to, ScalarType type)
        {
            (_states, _weight, _bias) = (randn(Tokens, from), randn(to, from), randn(to));
            (_exactStates, _exactWeight, _exactBias) = (_states.to(type), _weight.to(type), _bias.to(type));
            _scale = _weight.abs().amax([1]).div(127);
            _whole = _weight.div(_scale.unsqueeze(1)).round().to(ScalarType.Int8).t();
        }

        public Tensor Exact() => nn.functional.linear(_exactStates, _exactWeight, _exactBias);

        public Tensor Int8(jit.CompilationUnit script) => (Tensor)script.invoke("linear", _states, _whole, _scale, _bias);

        /// <summary>The norm of the difference from F32 by the norm of the result.</summary>
        public double ErrorOf(jit.CompilationUnit script)
        {
            using var scope = NewDisposeScope();
            var expected = nn.functional.linear(_states, _weight, _bias);
            return Int8(script).sub(expected).norm().div(expected.norm()).item<float>();
        }
    }
}
