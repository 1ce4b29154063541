using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>Models of all tasks, as files, on a <see cref="TinyEncoder"/>; the one that writes stands on a <see cref="TinyWriter"/>.</summary>
internal sealed class ServedModels : IDisposable
{
    private static readonly Lazy<ServedModels> s_shared = new();

    private readonly TinyEncoder _encoder = new();
    private readonly TinyWriter _writer = new("gpt2");
    private readonly TemporaryDirectory _folder = new();
    private readonly Dictionary<string, string> _files = [];

    /// <summary>Those of all tests: each model is trained once.</summary>
    public static ServedModels Shared => s_shared.Value;

    private MLContext Context { get; } = new(1);

    /// <summary>The topic of a ticket; another seed gives another model.</summary>
    public string Topics(int seed = 1) => File($"topics {seed}", path =>
    {
        var options = _encoder.Options();
        options.Seed = seed;
        Save(
            path,
            Context.Transforms.Conversion.MapValueToKey("Label", nameof(Ticket.Topic))
                .Append(Context.MulticlassClassification.Trainers.PTuningV2(options))
                .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedLabel")),
            Tickets.Rows(24));
    });

    /// <summary>The hours that a ticket takes: a number.</summary>
    public string Hours() => File("hours", path => Save(
        path,
        Context.Regression.Trainers.PTuningV2(new PTuningV2Trainer.RegressionOptions
        {
            LabelColumnName = nameof(Ticket.Hours), Sentence1ColumnName = nameof(Ticket.Text), Backbone = _encoder.Path,
            PrefixLength = 3, MaxLength = 12, MaxEpochs = 1, Seed = 1, Advanced = { Shards = 2 },
        }),
        Tickets.Rows(24)));

    /// <summary>Things in a text, by their characters.</summary>
    public string Things() => File("things", path => Save(
        path,
        Context.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(new PTuningV2Trainer.NamedEntityOptions
        {
            LabelColumnName = nameof(Sentence.Label), Sentence1ColumnName = nameof(Sentence.Text), EntitiesColumnName = "Found", Backbone = _encoder.Path,
            PrefixLength = 3, MaxLength = 12, MaxEpochs = 40, BatchSize = 8, LearningRate = 0.05, PrefixDropout = 0, HeadDropout = 0, Seed = 1,
            Advanced = { Shards = 2 },
        }),
        [.. Enumerable.Range(0, 32).Select(i => i % 2 == 0
            ? new Sentence { Text = "my parcel is late", Label = ["THING 3 9"] }
            : new Sentence { Text = "the card was late", Label = ["THING 4 8"] })]));

    /// <summary>An answer in a passage.</summary>
    public string Answers() => File("answers", path => Save(
        path,
        Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(new PTuningV2Trainer.QuestionAnswerOptions
        {
            Backbone = _encoder.Path, PrefixLength = 3, MaxLength = 12, DocumentStride = 2, MaxEpochs = 1, Seed = 1, Advanced = { Shards = 2 },
        }),
        [.. Enumerable.Range(0, 16).Select(_ =>
            new Asked { Question = "is late", Context = "my parcel was late", TrainingAnswer = "parcel", AnswerIndex = 3 })]));

    /// <summary>A text for a text, on another encoder.</summary>
    public string Writes() => File("writes", path =>
    {
        var data = _writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(8));
        using var model = _writer.Trainer(_writer.Options()).Fit(data);
        _writer.Context.Model.Save(model, data.Schema, path);
    });

    /// <summary>A model that does not know its columns.</summary>
    public string WithoutColumns() => File("without columns", path =>
    {
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(_encoder.Options()).Fit(Tickets.Keyed(Context, Tickets.Rows(24)));
        model.SaveTo(path);
    });

    /// <summary>What a <c>PredictionEngine</c> says.</summary>
    public TPrediction Predict<TRow, TPrediction>(string file, TRow row)
        where TRow : class
        where TPrediction : class, new()
    {
        using var engine = Context.Model.CreatePredictionEngine<TRow, TPrediction>(Context.Model.Load(file, out _));
        return engine.Predict(row);
    }

    /// <summary>Deletes them when all tests have run.</summary>
    public static void DisposeShared()
    {
        if (s_shared.IsValueCreated)
            s_shared.Value.Dispose();
    }

    public void Dispose()
    {
        _folder.Dispose();
        _writer.Dispose();
        _encoder.Dispose();
    }

    private void Save<TRow>(string path, IEstimator<ITransformer> trainer, IReadOnlyList<TRow> rows)
        where TRow : class
    {
        var data = Context.Data.LoadFromEnumerable(rows);
        var model = trainer.Fit(data);
        Context.Model.Save(model, data.Schema, path);
        (model as IDisposable)?.Dispose();
    }

    // Trained when first asked for.
    private string File(string name, Action<string> save)
    {
        lock (_files)
        {
            if (!_files.TryGetValue(name, out var path))
            {
                path = _folder.File($"{name}.zip");
                save(path);
                _files[name] = path;
            }
            return path;
        }
    }

    internal sealed class Sentence
    {
        public string Text { get; set; } = "";

        public string[] Label { get; set; } = [];
    }

    internal sealed class Asked
    {
        public string Question { get; set; } = "";

        public string Context { get; set; } = "";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }
    }
}

/// <summary>What a ticket's topic model says.</summary>
internal sealed class NamedTopic
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
