using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Families;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Heads;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>An official model: its first values and its batch, in this library's parts, dropout off.</summary>
internal sealed class OfficialModel : IDisposable
{
    public const double LearningRate = 5e-3;

    /// <summary>The tasks of a pattern: with a verbalizer, or with every word of the vocabulary as a class.</summary>
    public const string Cloze = "cloze", Vocabulary = "vocabulary";

    /// <summary>A task of GLM: of several texts the one that most probably fills the gap.</summary>
    public const string FillingChoice = "filling-choice";

    /// <summary>The task of a language model, by its official names.</summary>
    public static bool Writes(string kind) => kind is "causal-lm" or "seq2seq-lm" or "blank-infilling";

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

        var backbone = kind is Cloze or Vocabulary or FillingChoice || Writes(kind)
            ? _languageModel = weights.Backbone.WithLanguageHead(golden.Directory) : weights.Backbone;
        var official = OfficialMethod.Of(golden, weights, backbone);
        if (golden.Tensors.ContainsKey("init.classifier.out_proj.weight"))
        {
            (_headNames["head.bias"], _headNames["head.weight"]) = ("classifier.out_proj.bias", "classifier.out_proj.weight");
            (_headNames["pooler.bias"], _headNames["pooler.weight"]) = ("classifier.dense.bias", "classifier.dense.weight");
        }
        if (golden.Tensors.ContainsKey("init.multichoice_head.weight"))
        {
            (_headNames["head.bias"], _headNames["head.weight"]) = ("multichoice_head.bias", "multichoice_head.weight");
            (_headNames["pooler.bias"], _headNames["pooler.weight"]) = ("pool_layer.bias", "pool_layer.weight");
        }
        var encoder = official.Method.Adapt(backbone);
        var task = TaskOf(kind);
        if (task is QuestionAnswering)
            (_headNames["head.bias"], _headNames["head.weight"]) = ("qa_outputs.bias", "qa_outputs.weight");
        SortedDictionary<string, Tensor> head = [];
        foreach (var (name, officialName) in _headNames.Where(pair => _languageModel is null && _golden.Tensors.ContainsKey($"init.{pair.Value}")))
            head[name] = Initial(officialName).clone();
        var isGlm = weights.Backbone is BlankInfillingBackbone;
        Batch = isGlm ? GlmRows.PartsOf(golden) : Writes(kind) ? WrittenRows.Of(golden) : ReadBatch();
        Optimizer = new PromptOptimizer(
            new()
            {
                LearningRate = LearningRate,
                BatchSize = Batch.Count,
                MaxEpochs = 1,
                Shards = shards,
                MaxGradientNorm = maxGradientNorm,
                PadToLength = Writes(kind) || isGlm ? 0 : Width,
                RecomputeActivations = recompute,
            },
            official.Parameters, [new LearnedTask(task, new PromptNetwork(encoder, HeadOf(task, kind)), head)], weights.Backbone.Configuration.PadTokenId, CPU);
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
    private int Width => (int)_golden.Batch.Ids.shape[^1];

    public void Dispose()
    {
        Optimizer.Dispose();
        _languageModel?.Dispose();
    }

    private Tensor Initial(string name) => _weights[name];

    private PromptTask TaskOf(string kind) => kind switch
    {
        "sequence-classification" or "sequence-classification-shallow" => Any.Classification((int)Initial(_headNames["head.bias"]).size(0)),
        "multi-label-classification" => Any.MultiLabel((int)Initial("classifier.bias").size(0)),
        "token-classification" => Any.Tagging((int)Initial(_headNames["head.bias"]).size(0)),
        "multiple-choice" or FillingChoice => Any.Choice,
        Cloze => Any.Classification(3) with { Verbalizer = VerbalizerHeadTests.WordsOf(_golden) },
        Vocabulary => Words(_weights.Backbone.Configuration.VocabularySize),
        _ when Writes(kind) => Any.Writing(),
        "question-answering" => WordQuestions.Task with { CountsPadding = true },
        _ => throw new AssertInconclusiveException($"The task {kind} is not built yet."),
    };

    private TaskHead HeadOf(PromptTask task, string kind) =>
        kind == FillingChoice ? new FillingHead()
        : _weights.Backbone.Configuration.ModelType == "chatglm" ? new BeginningHead()
        : task.Head;

    private static MulticlassClassification Words(int count) => Any.Classification(count) with
    {
        Verbalizer = [.. Enumerable.Range(0, count).Select(id => new ClassWords($"{id}", ["word"]) { Tokens = [[id]] })],
    };

    private ExamplePart[] ReadBatch()
    {
        var labels = (_golden.Tensors.GetValueOrDefault("input.labels") ?? _golden.Tensors.GetValueOrDefault("input.targets")) is { } stored
            ? stored.to(ScalarType.Int64).data<long>().ToArray()
            : [.. Input("start_positions").Zip(Input("end_positions"), (start, end) => new[] { start, end }).SelectMany(position => position)];
        var rows = _golden.Batch.Ids.size(0);
        var sequences = ReadSequences();
        var choices = sequences.Length / (int)rows;
        return [.. sequences.Chunk(choices).Select((row, i) => new ExamplePart(row, [.. Targets(i)]))];

        // A label a row, start and end, or a label a token: those of the official padding are ignored. At a mask, the label of that token.
        IEnumerable<float> Targets(int row)
        {
            var own = labels.Chunk(labels.Length / (int)rows).ElementAt(row);
            return own.Length > 1 && sequences[row].MaskPlace is { } place
                ? [own[place]]
                : own.Take(sequences[row].Length).Select(label => Math.Max(label, -1f));
        }
    }

    private EncodedRow[] ReadSequences()
    {
        var (ids, segments, mask) = (_golden.Batch.Ids.data<long>().ToArray(), _golden.Batch.Segments.data<long>().ToArray(), Input("attention_mask"));
        return [.. mask.Chunk(Width).Select((row, i) =>
        {
            var length = (int)row.Sum();
            return new EncodedRow(Row(ids), Row(segments))
            {
                MaskPlace = _languageModel is null ? null : Array.IndexOf(Row(ids), Setting("mask_token_id")),
                PromptPlaces = _golden.Tensors.ContainsKey("input.block_flag") ? PlacesOf(Row(Input("block_flag")), 1)
                    : _golden.Tensors.ContainsKey("input.queries") ? PlacesOf(Row(ids), Setting("pseudo_token_id"))
                    : [],
            };

            int[] Row(long[] values) => [.. values.Skip(i * Width).Take(length).Select(value => (int)value)];
        })];
    }

    private static int[] PlacesOf(int[] row, int value) => [.. Enumerable.Range(0, row.Length).Where(place => row[place] == value)];

    private int Setting(string name) => VerbalizerHeadTests.Configuration(_golden).GetProperty(name).GetInt32();

    private long[] Input(string name) => _golden.Tensors[$"input.{name}"].data<long>().ToArray();
}
