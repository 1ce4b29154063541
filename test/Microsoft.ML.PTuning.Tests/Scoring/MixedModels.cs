using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using Microsoft.ML.PTuning.Tests.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>A row with the columns of every task.</summary>
internal sealed class MixedRow
{
    public string Sentence1 { get; set; } = "";

    public string[] Words { get; set; } = [];

    public string[] Choices { get; set; } = [];

    public string Question { get; set; } = "q";

    public string Context { get; set; } = "";

    public int Number { get; set; }

    /// <summary>Letters a to y; texts of 1 to 12, contexts of up to 20, 0 to 3 choices.</summary>
    public static MixedRow Draw(int number)
    {
        var random = new Random(number);
        return new MixedRow
        {
            Sentence1 = Letters(random.Next(1, 13)),
            Words = Letters(random.Next(1, 13)).Split(' '),
            Choices = [.. Enumerable.Range(0, number % 4).Select(_ => Letters(random.Next(1, 6)))],
            Context = Letters(random.Next(1, 21)),
            Number = number,
        };

        string Letters(int count) => string.Join(' ', Enumerable.Range(0, count).Select(_ => (char)('a' + random.Next(25))));
    }
}

/// <summary>What a model said, in numbers and words.</summary>
internal sealed record Said(float[] Numbers, string Text)
{
    public static void AreClose(Said expected, Said actual, string message, double bound = 1e-5)
    {
        Assert.AreEqual(expected.Text, actual.Text, message);
        Assert.HasCount(expected.Numbers.Length, actual.Numbers, message);
        for (var i = 0; i < expected.Numbers.Length; i++)
            Assert.AreEqual(expected.Numbers[i], actual.Numbers[i], (float)bound * (1 + MathF.Abs(expected.Numbers[i])), $"{message}, number {i}");
    }
}

/// <summary>A task, and how its predictions are asked for.</summary>
internal abstract class TaskKind(PromptTask task)
{
    public static IReadOnlyList<TaskKind> All { get; } =
    [
        new TaskKind<Classified>(
            Any.Classification(new LabelValues(3, "Text", ["x", "y", "z"])), p => new(p.Score, $"{p.PredictedLabel}")),
        new TaskKind<Decision>(Any.BinaryClassification, p => new([p.Score, p.Probability], $"{p.PredictedLabel}")),
        new TaskKind<Rating>(Any.Regression with { TargetMean = 3, TargetDeviation = 2 }, p => new([p.Score], "")),
        new TaskKind<TaggedWords>(
            Any.Tagging("O", "B-PER", "I-PER") with { Sentence1ColumnName = "Words" }, p => new(p.Score, string.Join(' ', p.PredictedLabel))),
        new TaskKind<Answered>(WordQuestions.Task, p => new([.. p.Score, p.NoAnswerScore], $"{string.Join('/', p.Answer)} {string.Join(' ', p.AnswerStart)}")),
        new TaskKind<Classified>(Any.Choice, p => new(p.Score, $"{p.PredictedLabel}")),
        new TaskKind<Classified>(Any.Classification(3) with { Pooling = Pooling.Mean }, p => new(p.Score, $"{p.PredictedLabel}")),
    ];

    public PromptTask Task { get; } = task;

    /// <summary>What a <c>PredictionEngine</c> over the model says.</summary>
    public abstract Said[] Engine(ITransformer model, IEnumerable<MixedRow> rows);

    public abstract Task<Said> AskAsync(PTuningV2MultiTaskPredictor predictor, string model, MixedRow row);
}

/// <inheritdoc/>
internal sealed class TaskKind<TPrediction>(PromptTask task, Func<TPrediction, Said> read) : TaskKind(task)
    where TPrediction : class, new()
{
    public override Said[] Engine(ITransformer model, IEnumerable<MixedRow> rows)
    {
        using var engine = new MLContext().Model.CreatePredictionEngine<MixedRow, TPrediction>(
            model, new PredictionEngineOptions { OwnsTransformer = false });
        return [.. rows.Select(row => read(engine.Predict(row)))];
    }

    public override async Task<Said> AskAsync(PTuningV2MultiTaskPredictor predictor, string model, MixedRow row) =>
        read(await predictor.PredictAsync<MixedRow, TPrediction>(model, row));
}

/// <summary>Models of random weights over one tiny encoder, which knows the letters a to y.</summary>
internal sealed class MixedModels : IDisposable
{
    private readonly TinyCheckpoint _checkpoint;
    private readonly BackbonePrecision _precision;
    private readonly WeightNoise? _noise;
    private readonly Backbone? _exact;
    private readonly List<PTuningV2Transformer> _models = [];

    /// <param name="family">bert, roberta, deberta-v2 (with a convolution), deberta-v3.</param>
    /// <param name="noise">Moves what is held in the encoder's type; null for none.</param>
    /// <param name="inF64">Whether all is computed in F64 instead, where batches differ in no digit that F32 shows.</param>
    public MixedModels(
        string family = "bert", BackbonePrecision precision = BackbonePrecision.Float32, WeightNoise? noise = null, bool inF64 = false)
    {
        (_precision, _noise) = (precision, noise);
        _checkpoint = family.StartsWith("deberta", StringComparison.Ordinal) ? DebertaCheckpoints.Create(family) : new TinyCheckpoint(family);
        foreach (var (name, weights) in _checkpoint.Tensors)
        {
            if (name.EndsWith("LayerNorm.weight", StringComparison.Ordinal))
                weights.fill_(1);
            else
                weights.mul_(0.5);
            Hold(weights);
        }
        _checkpoint.Save();
        string[] first = family == "roberta" ? ["[UNK]", "[PAD]"] : ["[PAD]", "[UNK]"];
        File.WriteAllLines(
            System.IO.Path.Combine(_checkpoint.Path, "vocab.txt"),
            [.. first, "[CLS]", "[SEP]", "[MASK]", .. "abcdefghijklmnopqrstuvwxy".Select(letter => letter.ToString())]);
        _exact = inF64 ? TypedEncoder.Load(_checkpoint.Path, ScalarType.Float64) : null;
    }

    /// <summary>Prefix lengths, depths and offsets that mix.</summary>
    public static IReadOnlyList<TuningMethod> Methods { get; } =
    [
        new LinearProbe(),
        new DeepPrefix { PrefixLength = 3 },
        new DeepPrefix { PrefixLength = 7 },
        new DeepPrefix { PrefixLength = 7, PositionOffset = PositionOffset.None },
        new DeepPrefix { PrefixLength = 3, PrefixLayers = 1 },
        new DeepPrefix { PrefixLength = 7, PrefixLayers = 1, PositionOffset = PositionOffset.None },
    ];

    /// <summary>A model of as many tokens as the encoder's positions leave to the text, 12 at most; freed with these models.</summary>
    /// <param name="wrap">Puts something around the encoder.</param>
    public PTuningV2Transformer Create(PromptTask task, TuningMethod method, int seed = 1, Func<Backbone, Backbone>? wrap = null)
    {
        using var generator = new Generator((ulong)seed);
        var open = BackboneLibrary.Open(_checkpoint.Path, CPU, _precision);
        var backbone = _exact ?? open.Lease.Backbone;
        var type = _exact?.ElementType ?? ScalarType.Float32;

        var tensors = new TrainedTensors();
        foreach (var tensor in method.Declare(backbone))
            tensors.Add(tensor.Name, Hold(randn(tensor.Shape, type, generator: generator)));
        foreach (var head in task.Head.Declare(backbone))
            tensors.Add(head.Name, randn(head.Shape, type, generator: generator));

        if (wrap is not null)
            backbone = wrap(backbone);
        if (backbone != open.Lease.Backbone)
            open = new(new BackboneLease(new(backbone, open.Lease.Tokenizer), open.Lease.Directory, open.Lease.Dispose), open.Reference);
        var fitting = task with { MaxLength = Math.Min(task.MaxLength, backbone.MaxPositions - method.ReservedPositions - method.InsertedTokens) };
        var model = new PTuningV2Transformer(new PromptModel(fitting, method, open, tensors, summary: null, CPU), new MLContext());
        _models.Add(model);
        return model;
    }

    /// <summary>Rounds to what all types hold as it is, so that encoders of different types have the same weights.</summary>
    /// <returns>The same tensor.</returns>
    private Tensor Hold(Tensor numbers)
    {
        using var rounded = numbers.to(ScalarType.BFloat16);
        numbers.copy_(rounded);
        return _noise?.Move(numbers) ?? numbers;
    }

    public void Dispose()
    {
        _models.ForEach(model => model.Dispose());
        _exact?.Dispose();
        _checkpoint.Dispose();
    }
}
