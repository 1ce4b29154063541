using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>A sentence of letters, given as words; its late letters are persons.</summary>
internal sealed class TaggedLetters
{
    public string[] Words { get; set; } = [];

    public string[] Tags { get; set; } = [];

    /// <summary>Index of the predicate's word, where there is one.</summary>
    public int Predicate { get; set; }
}

/// <summary>What tagging gives back.</summary>
internal sealed class LetterTags
{
    public string[] PredictedLabel { get; set; } = [];

    public float[] Score { get; set; } = [];

    public string[] Entities { get; set; } = [];
}

/// <summary>Tagging on the tiny encoder of <see cref="TinyTraining"/>, which knows the letters a to y.</summary>
internal sealed class TinyTagging : IDisposable
{
    private readonly TinyTraining _training = new();

    public MLContext Context => _training.Context;

    /// <summary>Sentences of 1 to 9 letters out of a, b, u, v; u and v are persons, each a word long.</summary>
    public static TaggedLetters[] Sentences(int rows, int seed = 0)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows).Select(_ => Sentence([.. Enumerable.Range(0, random.Next(1, 10))
            .Select(_ => (char)((random.Next(3) == 0 ? 'u' : 'a') + random.Next(2)))]))];
    }

    public static TaggedLetters Sentence(params char[] letters) => new()
    {
        Words = [.. letters.Select(letter => letter.ToString())],
        Tags = [.. letters.Select(letter => letter >= 'u' ? "B-PER" : "O")],
    };

    public PTuningV2Trainer.NamedEntityOptions Options(int epochs = 1) => new()
    {
        Backbone = _training.Options.Backbone,
        Sentence1ColumnName = nameof(TaggedLetters.Words),
        PrefixLength = 4,
        MaxLength = 12,
        LearningRate = 0.05,
        BatchSize = 8,
        MaxEpochs = epochs,
        PrefixDropout = 0,
        HeadDropout = 0,
        Seed = 1,
        Advanced = { Shards = 2 },
    };

    public PTuningV2Trainer Trainer(PTuningV2Trainer.NamedEntityOptions? options = null) =>
        Context.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(options ?? Options());

    /// <param name="keys">The values of the keys, in their order; null for those of the rows, as they come.</param>
    public IDataView Keyed(IEnumerable<TaggedLetters> rows, params string[]? keys)
    {
        var data = Context.Data.LoadFromEnumerable(rows);
        var values = keys is null or [] ? null : Context.Data.LoadFromEnumerable(keys.Select(key => new KeyValue { Value = key }));
        return Context.Transforms.Conversion.MapValueToKey("Label", nameof(TaggedLetters.Tags), keyData: values).Fit(data).Transform(data);
    }

    /// <summary>Tags to keys, the trainer, keys to tags.</summary>
    public ITransformer FitPipeline(IEnumerable<TaggedLetters> rows, int epochs = 12) =>
        Context.Transforms.Conversion.MapValueToKey("Label", nameof(TaggedLetters.Tags))
            .Append(Trainer(Options(epochs)))
            .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(Context.Data.LoadFromEnumerable(rows));

    public PredictionEngine<TaggedLetters, LetterTags> Engine(ITransformer model) =>
        Context.Model.CreatePredictionEngine<TaggedLetters, LetterTags>(model, new PredictionEngineOptions { OwnsTransformer = false });

    public LetterTags[] Transform(ITransformer model, IEnumerable<TaggedLetters> rows) =>
        [.. Context.Data.CreateEnumerable<LetterTags>(model.Transform(Context.Data.LoadFromEnumerable(rows)), reuseRowObject: false)];

    public void Dispose() => _training.Dispose();

    private sealed class KeyValue
    {
        public string Value { get; set; } = "";
    }
}
