using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>An official model: its first values and its batch, in this library's parts, dropout off.</summary>
internal sealed class OfficialModel : IDisposable
{
    public const double LearningRate = 5e-3;

    /// <summary>A head's official names by those it is saved under here; only DeBERTa's official models train a pooler.</summary>
    private readonly Dictionary<string, string> _headNames = new()
    {
        ["head.bias"] = "classifier.bias",
        ["head.weight"] = "classifier.weight",
        ["pooler.bias"] = "pooler.dense.bias",
        ["pooler.weight"] = "pooler.dense.weight",
    };

    private readonly GoldenEncoder _golden;
    private readonly GoldenWeights _weights;

    /// <param name="golden">The golden file.</param>
    /// <param name="weights">Its weights, in the type to compute in.</param>
    /// <param name="kind">Its task, as the file's name says it.</param>
    public OfficialModel(GoldenEncoder golden, GoldenWeights weights, string kind, int shards = 1, double maxGradientNorm = 1, bool recompute = false)
    {
        (_golden, _weights) = (golden, weights);

        var official = OfficialMethod.Of(golden, weights);
        if (golden.Tensors.ContainsKey("init.classifier.out_proj.weight"))
        {
            (_headNames["head.bias"], _headNames["head.weight"]) = ("classifier.out_proj.bias", "classifier.out_proj.weight");
            (_headNames["pooler.bias"], _headNames["pooler.weight"]) = ("classifier.dense.bias", "classifier.dense.weight");
        }
        var encoder = official.Method.Adapt(weights.Backbone);
        var task = TaskOf(kind);
        if (task is QuestionAnswering)
            (_headNames["head.bias"], _headNames["head.weight"]) = ("qa_outputs.bias", "qa_outputs.weight");
        SortedDictionary<string, Tensor> head = [];
        foreach (var (name, officialName) in _headNames.Where(pair => _golden.Tensors.ContainsKey($"init.{pair.Value}")))
            head[name] = Initial(officialName).clone();
        Batch = ReadBatch();
        Optimizer = new PromptOptimizer(
            new()
            {
                LearningRate = LearningRate,
                BatchSize = Batch.Count,
                MaxEpochs = 1,
                Shards = shards,
                MaxGradientNorm = maxGradientNorm,
                PadToLength = Width,
                RecomputeActivations = recompute,
            },
            official.Parameters, [new LearnedTask(task, new PromptNetwork(encoder, task.Head), head)], weights.Backbone.Configuration.PadTokenId, CPU);
        Trained = official.Names.Zip(official.Parameters.Parameters).Concat(head.Select(pair => (_headNames[pair.Key], pair.Value)));
    }

    public PromptOptimizer Optimizer { get; }

    /// <summary>The official batch, in its order, without its padding.</summary>
    public IReadOnlyList<ExamplePart> Batch { get; }

    /// <summary>What is trained, by its official name.</summary>
    public IEnumerable<(string Name, Tensor Parameter)> Trained { get; }

    /// <inheritdoc cref="OfficialMethod.FirstPrefix"/>
    public Tensor? FirstPrefix => OfficialMethod.FirstPrefix(_golden, _weights);

    /// <summary>Tokens of a row with the official padding, which the official loss of answers counts.</summary>
    private int Width => (int)_golden.Tensors["input.input_ids"].shape[^1];

    public void Dispose() => Optimizer.Dispose();

    private Tensor Initial(string name) => _weights[name];

    private PromptTask TaskOf(string kind) => kind switch
    {
        "sequence-classification" or "sequence-classification-shallow" => Any.Classification((int)Initial(_headNames["head.bias"]).size(0)),
        "multi-label-classification" => Any.MultiLabel((int)Initial("classifier.bias").size(0)),
        "token-classification" => Any.Tagging((int)Initial(_headNames["head.bias"]).size(0)),
        "multiple-choice" => Any.Choice,
        "question-answering" => WordQuestions.Task with { CountsPadding = true },
        _ => throw new AssertInconclusiveException($"The task {kind} is not built yet."),
    };

    private ExamplePart[] ReadBatch()
    {
        var labels = _golden.Tensors.TryGetValue("input.labels", out var stored)
            ? stored.to(ScalarType.Int64).data<long>().ToArray()
            : [.. Input("start_positions").Zip(Input("end_positions"), (start, end) => new[] { start, end }).SelectMany(position => position)];
        var rows = _golden.Tensors["input.input_ids"].size(0);
        var sequences = ReadSequences();
        var choices = sequences.Length / (int)rows;
        return [.. sequences.Chunk(choices).Select((row, i) => new ExamplePart(row, [.. Targets(i)]))];

        // A label a row, start and end, or a label a token: those of the official padding are ignored.
        IEnumerable<float> Targets(int row) =>
            labels.Chunk(labels.Length / (int)rows).ElementAt(row).Take(sequences[row].Length).Select(label => Math.Max(label, -1f));
    }

    private EncodedRow[] ReadSequences()
    {
        var (ids, segments, mask) = (Input("input_ids"), Input("token_type_ids"), Input("attention_mask"));
        return [.. mask.Chunk(Width).Select((row, i) =>
        {
            var length = (int)row.Sum();
            return new EncodedRow(Row(ids), Row(segments));

            int[] Row(long[] values) => [.. values.Skip(i * Width).Take(length).Select(value => (int)value)];
        })];
    }

    private long[] Input(string name) => _golden.Tensors[$"input.{name}"].data<long>().ToArray();
}
