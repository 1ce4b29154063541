using Microsoft.ML;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks.Methods;

/// <summary>The library's trainers, with a prefix in every layer or without one.</summary>
internal sealed record PrefixTuning(string Name, string Summary, bool WithPrefix) : Method(Name, Summary)
{
    public static PrefixTuning DeepPrefix { get; } = new("ptuning-v2", "a prefix in every layer and a head", WithPrefix: true);

    public static PrefixTuning LinearProbe { get; } = new("linear-probe", "the same head without a prefix", WithPrefix: false);

    public override bool HasPrefix => WithPrefix;

    public override bool CanSave => true;

    public override object Options(Settings settings) => new
    {
        settings.PrefixLength,
        settings.PrefixLayers,
        settings.Projection,
        settings.LearningRate,
        Epochs = settings.Epochs > 0 ? settings.Epochs : (int?)null,
        Epoch = settings.KeepsBestEpoch ? "best" : "last",
        settings.BatchSize,
        settings.MaxLength,
        PositionOffset = settings.PositionOffset == PositionOffset.Prefix ? "prefix" : "none",
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
        options.PrefixLength = settings.PrefixLength;
        options.PrefixLayers = settings.PrefixLayers;
        options.PrefixProjection = settings.Projection;
        options.PositionOffset = settings.PositionOffset;
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
}
