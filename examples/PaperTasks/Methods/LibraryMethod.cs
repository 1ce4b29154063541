using Microsoft.ML;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks.Methods;

/// <summary>The library's trainers: the encoder is adapted in one way or another, and a head is trained.</summary>
/// <param name="Create">Makes the library's method; null for a prefix in every layer, whose options are those of the trainer.</param>
internal sealed record LibraryMethod(string Name, string Summary, Func<RequestedSettings, TuningMethod>? Create = null) : Method(Name, Summary)
{
    public static LibraryMethod DeepPrefix { get; } = new("ptuning-v2", "a prefix in every layer and a head");

    /// <summary>All of them, the one with the fewest trained numbers first.</summary>
    public static IReadOnlyList<LibraryMethod> Known { get; } =
    [
        new("linear-probe", "the same head without a prefix", _ => new LinearProbe()),
        new("prompt-tuning", "trained vectors in the input only", requested => new PromptTuning
        {
            Length = requested.PrefixLength ?? 20,
            Start = requested.PromptStart ?? default,
            Placement = requested.PromptPlacement ?? default,
        }),
        new("p-tuning-v1", "trained vectors in the input, made by an LSTM", requested => new PTuningV1
        {
            Length = requested.PrefixLength ?? 20,
            Placement = requested.PromptPlacement ?? default,
        }),
        new("soft-prompts", "a mixture of three prompts, changed in every layer; for classes", requested => new SoftPromptMixture
        {
            Length = requested.PrefixLength ?? 20,
            Start = requested.PromptStart ?? default,
            Placement = requested.PromptPlacement ?? default,
            Deep = true,
        }),
        DeepPrefix,
        new("bitfit", "the encoder's biases", _ => new BitFit()),
    ];

    public override bool HasPrefix => Create is null;

    public override bool CanSave => true;

    public override TuningMethod? Tuning(RequestedSettings requested) => Create?.Invoke(requested);

    public override object Options(Settings settings) => new
    {
        PrefixLength = HasPrefix ? settings.PrefixLength : (int?)null,
        PrefixLayers = HasPrefix ? settings.PrefixLayers.ToString() : null,
        Projection = HasPrefix ? settings.Projection : (bool?)null,
        Tuning = settings.Tuning is { } tuning ? TuningOptions(tuning) : null,
        settings.LearningRate,
        Epochs = settings.Epochs > 0 ? settings.Epochs : (int?)null,
        Epoch = settings.KeepsBestEpoch ? "best" : "last",
        settings.BatchSize,
        settings.MaxLength,
        PositionOffset = !HasPrefix ? null : settings.PositionOffset == PositionOffset.Prefix ? "prefix" : "none",
        Pooling = settings.Pooling.ToString().ToLowerInvariant(),
        settings.PadToMax,
        settings.PrefixDropout,
        settings.HeadDropout,
        settings.BackboneDropout,
    };

    public override Learned Learn(TrainingRun run, IDataView train, IDataView dev)
    {
        PTuningV2Trainer trainer = Trainer(run);
        PTuningV2Transformer model = run.Settings.KeepsBestEpoch ? trainer.Fit(train, dev) : trainer.Fit(train);
        return new Learned(model.Transform, model.Backbone.Name, model);
    }

    private PTuningV2Trainer Trainer(TrainingRun run)
    {
        MulticlassClassificationCatalog.MulticlassClassificationTrainers classes = run.Context.MulticlassClassification.Trainers;
        switch (run.Data)
        {
            case SentenceData sentences:
                return sentences.IsRegression
                    ? run.Context.Regression.Trainers.PTuningV2(ForTexts(new PTuningV2Trainer.RegressionOptions(), sentences, run))
                    : classes.PTuningV2(ForTexts(new PTuningV2Trainer.MulticlassOptions(), sentences, run));
            case TaggingData tagging:
                return classes.PTuningV2NamedEntityRecognition(
                    WithSettings(new PTuningV2Trainer.NamedEntityOptions { PredicateColumnName = tagging.HasPredicates ? "Predicate" : null }, run));
            case AnswerData:
                PTuningV2Trainer.QuestionAnswerOptions answers = WithSettings(new PTuningV2Trainer.QuestionAnswerOptions(), run);
                answers.DocumentStride = answers.MaxLength / 3; // As the official code's 128 of 384.
                return classes.PTuningV2QuestionAnswer(answers);
            case ChoiceData:
                return classes.PTuningV2MultipleChoice(WithSettings(new PTuningV2Trainer.MultipleChoiceOptions { Pooling = run.Settings.Pooling }, run));
            default:
                throw Refuse(run.Data);
        }
    }

    private static TOptions ForTexts<TOptions>(TOptions options, SentenceData sentences, TrainingRun run)
        where TOptions : PTuningV2Trainer.SentenceOptions
    {
        options.Sentence2ColumnName = sentences.IsPair ? "Sentence2" : null;
        options.Pooling = run.Settings.Pooling;
        return WithSettings(options, run);
    }

    // The options that all kinds of task share.
    private static TOptions WithSettings<TOptions>(TOptions options, TrainingRun run)
        where TOptions : PTuningV2Trainer.Options
    {
        Settings settings = run.Settings;
        options.Backbone = run.Backbone;
        if (settings.Tuning is null)
        {
            options.PrefixLength = settings.PrefixLength;
            options.PrefixLayers = settings.PrefixLayers;
            options.PrefixProjection = settings.Projection;
            options.PositionOffset = settings.PositionOffset;
        }

        options.Method = settings.Tuning;
        options.PrefixDropout = settings.PrefixDropout;
        options.HeadDropout = settings.HeadDropout;
        options.BackboneDropout = settings.BackboneDropout;
        options.MaxLength = settings.MaxLength;
        options.Advanced.PadToMaxLength = settings.PadToMax;
        options.LearningRate = settings.LearningRate;
        options.BatchSize = settings.BatchSize;
        options.MaxEpochs = settings.Epochs;
        options.Seed = run.Seed;
        options.Progress = run.Progress;
        options.CancellationToken = run.CancellationToken;
        return options;
    }

    // A method without properties has null, which is not told.
    private static string? TuningOptions(TuningMethod tuning)
    {
        string[] properties = [.. from property in tuning.GetType().GetProperties()
                                  let value = property.GetValue(tuning)
                                  where value is not null
                                  select $"{property.Name}={value}"];
        return properties.Length == 0 ? null : string.Join(' ', properties);
    }
}
