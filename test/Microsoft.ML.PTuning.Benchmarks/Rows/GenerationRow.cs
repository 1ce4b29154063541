using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Generation;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Greedy search over GPT-2's smallest shape under a prefix of 20, on one core: two ways of writing the same tokens.</summary>
internal sealed class GenerationRow(string name, string comparison, int rowsPerBatch, bool keeps) : IBenchmark
{
    private const int RowCount = 4, TextTokens = 32, NewTokens = 32;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new GenerationRow(
            "generation-kept-vs-recomputed",
            $"writing {NewTokens} tokens after {TextTokens}, {RowCount} texts at once, with the keys and values of what was read kept, against reading all again",
            RowCount, keeps: false),
        new GenerationRow(
            "generation-batched-vs-single",
            $"writing {NewTokens} tokens after {TextTokens}, {RowCount} texts at once, against one after the other",
            rowsPerBatch: 1, keeps: true),
    ];

    public string Name => name;

    public string Comparison => comparison;

    public Ratio Measure(int threads)
    {
        using var scope = NewDisposeScope();
        using var backbone = Backbone.Load(Gpt2ShapedModel.Folder, CPU, withLanguageHead: true);
        var method = new DeepPrefix { PrefixLength = 20 };
        using var generator = new Generator(1);
        using var parameters = method.Create(backbone, new(Initializers.Normal(generator), shape => zeros(shape)));
        var tensors = new TrainedTensors();
        foreach (var (saved, value) in parameters.Values())
            tensors.Add(saved, value);
        var encoder = method.Adapt(backbone);
        EncodedRow[] rows = [.. TokenRows.OfLength(RowCount, TextTokens, Gpt2ShapedModel.VocabularySize)
            .Select(row => row.Parts[0].Sequences[0] with { DecoderIds = [1] })];
        return PairedMeasurement.Measure(() => Write(rowsPerBatch, keeps), () => Write(RowCount, keeps: true));

        void Write(int count, bool keeps) => Compute.SingleCoreThread.Run("generation", () =>
        {
            using var inner = NewDisposeScope();
            foreach (var chunk in rows.Chunk(count))
            {
                using var stream = new TokenStream(encoder, tensors, EncodedRow.Collate(chunk, 0, CPU), keeps);
                new SingleSearch(new() { MaxNewTokens = NewTokens }, new(Id: null)).Write(stream, new int[chunk.Length], () => { });
            }
            return true;
        });
    }
}
