using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>
/// Training steps of a prefix on a language model of 1.3 billion numbers that stays in its file, in BF16, against forward passes. Run under a limit of
/// memory, it tells what reading the layers from the disk again and again costs.
/// </summary>
internal sealed class MappedModelSteps : IBenchmark
{
    private const int RowCount = 4, TextTokens = 16, NewTokens = 16;

    public string Name => "mapped-model-steps";

    public string Comparison => "forward passes over a model of 1.3 billion numbers in BF16, kept in its file, against training steps of its prefix";

    public RatioKind Kind => RatioKind.Time;

    public bool OnlyByName => true;

    public Ratio Measure(int threads)
    {
        using var backbone = Backbone.Load(Gpt2ShapedModel.LargeFolder, CPU, BackbonePrecision.BFloat16, withLanguageHead: true);
        var method = new DeepPrefix { PrefixLength = 20 };
        using var generator = new Generator(1);
        var parameters = method.Create(backbone, new(Initializers.Normal(generator), shape => zeros(shape)));
        var task = (TextGeneration)new PTuningV2Trainer.TextGenerationOptions().ToTask();
        var network = new PromptNetwork(method.Adapt(backbone), task.Head);
        using var optimizer = new PromptOptimizer(
            UntrainedModel.Settings(threads), parameters, [new LearnedTask(task, network, new Dictionary<string, Tensor>())], padId: 0, CPU);
        ExamplePart[] batch = [.. TokenRows.OfLength(RowCount, TextTokens + NewTokens, Gpt2ShapedModel.VocabularySize).Select(row => Part(row.Parts[0].Sequences[0].Ids))];
        return PairedMeasurement.Measure(() => optimizer.Step(batch, learningRate: 1e-3), Forward, pairs: 5);

        void Forward() => WorkerThreads.Shared.Run(batch.Length, i =>
        {
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            using var tensors = optimizer.Current();
            network.Forward(EncodedRow.Collate([batch[i].Sequences[0]], padId: 0, CPU), tensors);
        });
    }

    private static TextPart Part(int[] ids) => new(
        new EncodedRow(ids[..TextTokens], new int[TextTokens]) { DecoderIds = ids[TextTokens..^1], NextIds = ids[(TextTokens + 1)..] }, Tokenizer: null!);
}
