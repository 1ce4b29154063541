using Microsoft.ML.PTuning.Backbones.Families;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>DeBERTa's encoders as ONNX graphs, for want of exports: for rows of one length, with transformers' formulas.</summary>
internal sealed class DebertaGraph
{
    private readonly DebertaConfiguration _configuration;
    private readonly GraphBuilder _graph;
    private readonly bool _isFirstVersion;
    private readonly long _length;
    private readonly string _real;      // 1 at a token, 0 at padding, [B, T, 1]
    private readonly string _pairs;     // Whether both are tokens, [B, 1, T, T]
    private readonly string _table;     // Relative embeddings, [2R, H]

    private DebertaGraph(DebertaConfiguration configuration, IReadOnlyDictionary<string, Tensor> weights, long length)
    {
        (_configuration, _graph, _length) = (configuration, new(weights), length);
        _isFirstVersion = configuration.ModelType == "deberta";
        _graph.Draft.AddInput("input_ids", OnnxType.Int64, 2);
        _graph.Draft.AddInput("attention_mask", OnnxType.Int64, 2);
        _graph.Draft.AddOutput("last_hidden_state", OnnxType.Float, 3);

        var mask = _graph.Op("Cast", ["attention_mask"], node => node.With("to", (long)OnnxType.Float));
        _real = _graph.Op("Unsqueeze", mask, _graph.Numbers(2));
        _pairs = _graph.Op("Mul", _graph.Op("Unsqueeze", mask, _graph.Numbers(1, 2)), _graph.Op("Unsqueeze", mask, _graph.Numbers(1, 3)));
        var table = _graph.Parameter("encoder.rel_embeddings.weight");
        _table = configuration.NormalizesRelativeEmbeddings ? _graph.LayerNorm(table, "encoder.LayerNorm", configuration.LayerNormEpsilon) : table;
    }

    /// <param name="weights">By Hugging Face's names.</param>
    /// <param name="length">Tokens a row, T.</param>
    public static OnnxDraft Of(DebertaConfiguration configuration, IReadOnlyDictionary<string, Tensor> weights, long length)
    {
        var graph = new DebertaGraph(configuration, weights, length);
        graph.Write();
        return graph._graph.Draft;
    }

    private void Write()
    {
        var words = _graph.Op("Gather", _graph.Parameter("embeddings.word_embeddings.weight"), "input_ids");
        var embedded = Masked(_graph.LayerNorm(words, "embeddings.LayerNorm", _configuration.LayerNormEpsilon));
        var hidden = embedded;
        for (var layer = 0; layer < _configuration.Layers; layer++)
        {
            hidden = Layer(hidden, $"encoder.layer.{layer}");
            if (layer == 0 && _configuration.Convolution is { } convolution)
                hidden = Convolve(embedded, hidden, convolution.KernelSize);
        }

        _graph.Draft.Add("Identity", [hidden], ["last_hidden_state"]);
    }

    private string Layer(string entered, string layer)
    {
        var context = Attention(entered, $"{layer}.attention.self");
        var attended = Normalized(_graph.Linear(context, $"{layer}.attention.output.dense"), entered, $"{layer}.attention.output");
        var transformed = _graph.Linear(_graph.Gelu(_graph.Linear(attended, $"{layer}.intermediate.dense")), $"{layer}.output.dense");
        return Normalized(transformed, attended, $"{layer}.output");
    }

    private string Normalized(string x, string residual, string module) =>
        _graph.LayerNorm(_graph.Op("Add", x, residual), $"{module}.LayerNorm", _configuration.LayerNormEpsilon);

    private string Attention(string x, string attention)
    {
        var (q, k, v) = _isFirstVersion
            ? Fused(x, attention)
            : (Projected(x, $"{attention}.query_proj"), Projected(x, $"{attention}.key_proj"), Projected(x, $"{attention}.value_proj"));
        var own = _configuration.SharesProjections ? "" : "pos_";
        var keys = Positions(attention, _isFirstVersion ? "pos_proj" : $"{own}key_proj");
        var queries = Positions(attention, _isFirstVersion ? "pos_q_proj" : $"{own}query_proj");

        var scores = _graph.Op("MatMul", q, _graph.Transpose(k, 0, 1, 3, 2));                                       // [B, h, T, T]
        scores = _graph.Op("Add", scores, LookUp(_graph.Op("MatMul", q, keys), (i, j) => i - j));
        scores = _graph.Op("Add", scores, _graph.Transpose(LookUp(_graph.Op("MatMul", k, queries), (j, i) => i - j), 0, 1, 3, 2));
        scores = _graph.Op("Div", scores, _graph.Number(MathF.Sqrt(_configuration.HeadSize * _configuration.ScoreTerms)));

        var isReal = _graph.Op("Cast", [_pairs], node => node.With("to", 9));
        var probabilities = _graph.Op("Softmax", [_graph.Op("Where", isReal, scores, _graph.Number(float.MinValue))], node => node.With("axis", -1));
        var context = _graph.Op("MatMul", _graph.Op("Mul", probabilities, _pairs), v);
        return _graph.Reshape(_graph.Transpose(context, 0, 2, 1, 3), 0, 0, _configuration.HiddenSize);
    }

    /// <summary>One matrix for all three, in which each head has its queries, keys and values together.</summary>
    private (string Q, string K, string V) Fused(string x, string attention)
    {
        var all = Heads(_graph.Linear(x, $"{attention}.in_proj"));                                                  // [B, h, T, 3 D]
        string[] parts = [$"{attention}/q", $"{attention}/k", $"{attention}/v"];
        _graph.Draft.Add("Split", [all], parts).With("axis", 3);
        return (Biased(parts[0], "q_bias"), parts[1], Biased(parts[2], "v_bias"));

        string Biased(string part, string bias) =>
            _graph.Op("Add", part, _graph.Reshape(_graph.Parameter($"{attention}.{bias}"), 1, _configuration.Heads, 1, _configuration.HeadSize));
    }

    private string Projected(string x, string module) => Heads(_graph.Linear(x, module));

    private string Heads(string x) => _graph.Transpose(_graph.Reshape(x, 0, 0, _configuration.Heads, -1), 0, 2, 1, 3);

    /// <returns><c>[h, D, 2R]</c></returns>
    private string Positions(string attention, string projection) =>
        _graph.Transpose(_graph.Reshape(_graph.Linear(_table, $"{attention}.{projection}"), 0, _configuration.Heads, -1), 1, 2, 0);

    /// <param name="scores"><c>[B, h, T, 2R]</c>.</param>
    /// <returns>For each two tokens the score of their distance, <c>[B, h, T, T]</c>.</returns>
    private string LookUp(string scores, Func<int, int, int> distance)
    {
        var rows = from a in Enumerable.Range(0, (int)_length)
                   from b in Enumerable.Range(0, (int)_length)
                   select RelativePositions.Row(distance(a, b), _configuration);
        var shape = _graph.Op("Concat", [
            _graph.Op("Slice", _graph.Op("Shape", scores), _graph.Numbers(0), _graph.Numbers(3)), _graph.Numbers(_length)], node => node.With("axis", 0L));
        var indices = _graph.Op("Expand", _graph.Indices([.. rows], 1, 1, _length, _length), shape);
        return _graph.Op("GatherElements", [scores, indices], node => node.With("axis", 3L));
    }

    private string Convolve(string embedded, string left, int size)
    {
        var convolved = _graph.Op(
            "Conv", [_graph.Transpose(embedded, 0, 2, 1), _graph.Parameter("encoder.conv.conv.weight"), _graph.Parameter("encoder.conv.conv.bias")],
            node => node.With("pads", [size / 2, size / 2]));
        var added = _graph.Op("Add", left, _graph.Gelu(Masked(_graph.Transpose(convolved, 0, 2, 1))));
        return Masked(_graph.LayerNorm(added, "encoder.conv.LayerNorm", _configuration.LayerNormEpsilon));
    }

    private string Masked(string x) => _graph.Op("Mul", x, _real);
}
