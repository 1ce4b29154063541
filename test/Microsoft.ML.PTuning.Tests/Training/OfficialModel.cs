using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Heads;
using Microsoft.ML.PTuning.Tests.Methods;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>An official model: its first values and its batch, in this library's parts, dropout off.</summary>
internal sealed class OfficialModel : IDisposable
{
    public const double LearningRate = 5e-3;

    /// <summary>The task of a pattern with a verbalizer.</summary>
    private const string Cloze = "pet";

    private const string Embedding = "prefix_encoder.embedding.weight";

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
    private readonly Backbone? _languageModel;

    /// <param name="golden">The golden file.</param>
    /// <param name="weights">Its weights, in the type to compute in.</param>
    /// <param name="kind">Its task, as the file's name says it.</param>
    public OfficialModel(GoldenEncoder golden, GoldenWeights weights, string kind, int shards = 1, double maxGradientNorm = 1, bool recompute = false)
    {
        (_golden, _weights) = (golden, weights);

        TuningMethod method = golden.Tensors.ContainsKey($"init.{Embedding}") ? new DeepPrefix { PrefixLength = (int)Initial(Embedding).size(0) } : new BitFit();
        var backbone = kind == Cloze ? _languageModel = weights.Backbone.WithLanguageHead(golden.Directory) : weights.Backbone;
        var encoder = method.Adapt(backbone);
        var task = TaskOf(kind);
        if (task is QuestionAnswering)
            (_headNames["head.bias"], _headNames["head.weight"]) = ("qa_outputs.bias", "qa_outputs.weight");
        var parameters = method is DeepPrefix ? CreatePrefix(encoder.PrefixShape()) : method.Create(weights.Backbone, NoInitializers);
        SortedDictionary<string, Tensor> head = [];
        foreach (var (name, official) in _headNames.Where(pair => kind != Cloze && _golden.Tensors.ContainsKey($"init.{pair.Value}")))
            head[name] = Initial(official).clone();
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
            parameters, [new LearnedTask(task, new PromptNetwork(encoder, task.Head), head)], weights.Backbone.Configuration.PadTokenId, CPU);
        var names = method is DeepPrefix ? PrefixNames : parameters.Values().Keys.Select(name => name.Replace("backbone.", "bert."));
        Trained = names.Zip(parameters.Parameters).Concat(head.Select(pair => (_headNames[pair.Key], pair.Value)));
    }

    public PromptOptimizer Optimizer { get; }

    /// <summary>The official batch, in its order, without its padding.</summary>
    public IReadOnlyList<ExamplePart> Batch { get; }

    /// <summary>What is trained, by its official name.</summary>
    public IEnumerable<(string Name, Tensor Parameter)> Trained { get; }

    /// <summary>The prefix as the official model computes it from its first values: the embedding, or the network's output for it. Null where it has none.</summary>
    public Tensor? FirstPrefix
    {
        get
        {
            if (!_golden.Tensors.ContainsKey($"init.{Embedding}"))
                return null;

            var flat = Initial(Embedding);
            if (IsProjected)
            {
                flat = matmul(flat, Initial("prefix_encoder.trans.0.weight").t()) + Initial("prefix_encoder.trans.0.bias");
                flat = matmul(flat.tanh(), Initial("prefix_encoder.trans.2.weight").t()) + Initial("prefix_encoder.trans.2.bias");
            }
            var encoder = _weights.Backbone.Configuration;
            return flat.view(flat.size(0), encoder.Layers, 2, encoder.Heads, encoder.HeadSize); // [P, L, 2, h, D]
        }
    }

    /// <summary>Tokens of a row with the official padding, which the official loss of answers counts.</summary>
    private int Width => (int)_golden.Tensors["input.input_ids"].shape[^1];

    private bool IsProjected => _golden.Tensors.ContainsKey("init.prefix_encoder.trans.0.weight");

    // In the order of PrefixParameters.Parameters.
    private string[] PrefixNames => IsProjected
        ? [Embedding, "prefix_encoder.trans.0.weight", "prefix_encoder.trans.0.bias", "prefix_encoder.trans.2.weight", "prefix_encoder.trans.2.bias"]
        : [Embedding];

    public void Dispose()
    {
        Optimizer.Dispose();
        _languageModel?.Dispose();
    }

    /// <summary>BitFit begins with the encoder's own biases.</summary>
    private static FirstValues NoInitializers { get; } = new(_ => throw new NotSupportedException(), _ => throw new NotSupportedException());

    private Tensor Initial(string name) => _weights[name];

    private PrefixParameters CreatePrefix(PrefixShape shape)
    {
        var values = new Queue<Tensor>(PrefixNames.Select(Initial));
        Initializer next = dimensions =>
        {
            CollectionAssert.AreEqual(dimensions, values.Peek().shape);
            return values.Dequeue().clone();
        };
        return IsProjected ? new ProjectedPrefix(shape, (int)Initial("prefix_encoder.trans.0.bias").size(0), next, next) : new EmbeddedPrefix(shape, next);
    }

    private PromptTask TaskOf(string kind) => kind switch
    {
        "sequence-classification" => Any.Classification((int)Initial("classifier.bias").size(0)),
        "multi-label-classification" => Any.MultiLabel((int)Initial("classifier.bias").size(0)),
        "token-classification" => Any.Tagging((int)Initial("classifier.bias").size(0)),
        "multiple-choice" => Any.Choice,
        Cloze => Any.Classification(3) with { Verbalizer = VerbalizerHeadTests.WordsOf(_golden) },
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
            return new EncodedRow(Row(ids), Row(segments)) { MaskPlace = MaskPlaceOf(Row(ids)) };

            int[] Row(long[] values) => [.. values.Skip(i * Width).Take(length).Select(value => (int)value)];
        })];
    }

    private int? MaskPlaceOf(int[] ids) =>
        _languageModel is null ? null : Array.IndexOf(ids, VerbalizerHeadTests.Configuration(_golden).GetProperty("mask_token_id").GetInt32());

    private long[] Input(string name) => _golden.Tensors[$"input.{name}"].data<long>().ToArray();
}
