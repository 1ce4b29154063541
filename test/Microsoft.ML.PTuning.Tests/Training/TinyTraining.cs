using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>A row for a classifier; a null label is a missing one.</summary>
internal sealed class LabelledText
{
    public string Text { get; set; } = "";

    public string? Label { get; set; }
}

/// <summary>A row for a regression; a NaN label is a missing one.</summary>
internal sealed class RatedText
{
    public string Text { get; set; } = "";

    public float Label { get; set; }
}

/// <summary>A tiny encoder of random weights that knows the words a to y, and a trainer on it that takes a moment.</summary>
internal sealed class TinyTraining : IDisposable
{
    public const int Layers = 3, HiddenSize = 8;

    private readonly TinyCheckpoint _encoder = new();
    private readonly bool _setsPrefix;

    /// <param name="setsPrefix">Whether the options set a prefix length; a test of another method sets none.</param>
    public TinyTraining(bool setsPrefix = true)
    {
        _setsPrefix = setsPrefix;
        SoftenAttention();
        _encoder.Save();
        string[] special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        File.WriteAllLines(Path.Combine(_encoder.Path, "vocab.txt"), special.Concat("abcdefghijklmnopqrstuvwxy".Select(letter => letter.ToString())));
        Context.Log += (_, message) => Log.Add(message.Message);
        Options = new()
        {
            Backbone = _encoder.Path,
            Sentence1ColumnName = nameof(LabelledText.Text),
            MaxLength = 12,
            LearningRate = 0.02,
            BatchSize = 8,
            MaxEpochs = 3,
            Seed = 1,
            Advanced = { Shards = 2 },
        };
        SetPrefix(Options);
    }

    /// <summary>The same for several tasks together.</summary>
    public PTuningV2MultiTaskTrainer.Options MultiTaskOptions
    {
        get
        {
            var options = new PTuningV2MultiTaskTrainer.Options
            {
                Backbone = _encoder.Path,
                LearningRate = 0.02,
                BatchSize = 8,
                MaxEpochs = 2,
                Seed = 1,
                Advanced = { Shards = 2 },
            };
            SetPrefix(options);
            return options;
        }
    }

    public MLContext Context { get; } = new();

    public List<string> Log { get; } = [];

    public PTuningV2Trainer.MulticlassOptions Options { get; }

    /// <summary>Texts of 1 to 8 letters, either <c>early</c> or <c>late</c> in the alphabet.</summary>
    public static LabelledText[] Texts(int rows, int seed = 0)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows).Select(_ =>
        {
            var first = random.Next(2) == 0 ? 'a' : 'u';
            var letters = Enumerable.Range(0, random.Next(1, 9)).Select(_ => (char)(first + random.Next(5)));
            return new LabelledText { Text = string.Join(' ', letters), Label = first == 'a' ? "early" : "late" };
        })];
    }

    /// <summary>The same texts, rated 1 where they are late, 0 where they are early.</summary>
    public static RatedText[] Ratings(int rows, float scale = 1, float shift = 0) =>
        [.. Texts(rows).Select(row => new RatedText { Text = row.Text, Label = scale * (row.Label == "late" ? 1 : 0) + shift })];

    public PTuningV2Transformer Fit(IEnumerable<LabelledText> rows, IEnumerable<LabelledText>? validation = null)
    {
        var data = Context.Data.LoadFromEnumerable(rows);
        var keys = Context.Transforms.Conversion.MapValueToKey("Label").Fit(data);
        var trainer = Context.MulticlassClassification.Trainers.PTuningV2(Options);
        return validation is null
            ? trainer.Fit(keys.Transform(data))
            : trainer.Fit(keys.Transform(data), keys.Transform(Context.Data.LoadFromEnumerable(validation)));
    }

    public PTuningV2Transformer Fit(IEnumerable<RatedText> rows) =>
        Context.Regression.Trainers.PTuningV2(Options.As<PTuningV2Trainer.RegressionOptions>()).Fit(Context.Data.LoadFromEnumerable(rows));

    /// <summary>Probabilities of all classes, row by row.</summary>
    public float[] Scores(PTuningV2Transformer model, IEnumerable<LabelledText> rows) =>
        [.. model.Transform(Context.Data.LoadFromEnumerable(rows)).GetColumn<float[]>("Score").SelectMany(scores => scores)];

    /// <summary>Fits, predicts, and frees the model.</summary>
    public float[] FitAndScore(LabelledText[] rows)
    {
        using var model = Fit(rows);
        return Scores(model, rows);
    }

    public void Dispose() => _encoder.Dispose();

    private void SetPrefix(TrainingOptions options)
    {
        if (_setsPrefix)
            options.PrefixLength = 4;
    }

    /// <summary>So that the first token looks at all others, and something can be learned of them.</summary>
    private void SoftenAttention()
    {
        foreach (var (name, weights) in _encoder.Tensors)
        {
            if (name.EndsWith("LayerNorm.weight", StringComparison.Ordinal))
                weights.fill_(1);
            else
                weights.mul_(0.5);
        }
    }
}

/// <summary>Hands every report on at once, on the thread that makes it.</summary>
internal sealed class EveryStep(Action<TrainingProgress> action) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => action(value);
}
