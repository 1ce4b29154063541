using Microsoft.ML;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks.Methods;

/// <summary>The library's trainers: the encoder is adapted in one way or another, and a head is trained.</summary>
/// <param name="Create">Makes the library's method; null for a prefix in every layer, whose options are those of the trainer.</param>
/// <param name="ProjectsPrefix">Whether the prefix is always trained through a network.</param>
internal sealed record LibraryMethod(
    string Name, string Summary, Func<RequestedSettings, TuningMethod>? Create = null, bool ProjectsPrefix = false) : Method(Name, Summary)
{
    public static LibraryMethod DeepPrefix { get; } = new("ptuning-v2", "a prefix in every layer and a head");

    /// <summary>All of them, roughly by the size of a saved model.</summary>
    public static IReadOnlyList<LibraryMethod> Known { get; } =
    [
        new("linear-probe", "the same head without a prefix", _ => new LinearProbe()),
        new("prompt-tuning", "trained vectors in the input only", requested => new PromptTuning
        {
            Length = requested.PrefixLength ?? 20,
            Start = requested.PromptStart ?? default,
            StartText = requested.PromptStartText,
            Placement = requested.PromptPlacement ?? default,
        }),
        new("p-tuning-v1", "trained vectors in the input, made by a network", requested => new PTuningV1
        {
            Length = requested.PrefixLength ?? 20,
            Network = requested.Network ?? default,
            Placement = requested.PromptPlacement ?? default,
        }),
        new("autoprompt", "words in the input that are searched for, three by default", requested => new AutoPrompt
        {
            Length = requested.PrefixLength ?? 3,
            Placement = requested.PromptPlacement ?? default,
        }),
        new("bitfit", "the encoder's biases", _ => new BitFit()),
        new("lora", "products of two small matrices, added to the encoder's weights", requested => new LowRankAdaptation { Rank = requested.Rank ?? 8 }),
        DeepPrefix,
        new("prefix-tuning", "the same prefix, made by a two-layer network", ProjectsPrefix: true),
        new("soft-prompts", "a mixture of prompts, three by default, changed in every layer; for classes", requested => new SoftPromptMixture
        {
            Prompts = requested.Prompts ?? 3,
            Length = requested.PrefixLength ?? 20,
            Start = requested.PromptStart ?? default,
            StartText = requested.PromptStartText,
            Placement = requested.PromptPlacement ?? default,
            Deep = true,
        }),
        new("fine-tuning", "all of the encoder's weights", _ => new FineTuning()),
    ];

    public override bool HasPrefix => Create is null;

    public override bool ProjectsPrefix { get; } = ProjectsPrefix;

    public override bool CanSave => true;

    public override TuningMethod? Tuning(RequestedSettings requested) => Create?.Invoke(requested);

    public override object Options(Settings settings) => new
    {
        PrefixLength = HasPrefix ? settings.PrefixLength : (int?)null,
        PrefixLayers = HasPrefix ? settings.PrefixLayers.ToString() : null,
        Projection = HasPrefix ? settings.Projection : (bool?)null,
        PrefixGate = settings.PrefixGate ? true : (bool?)null,
        PrefixStart = HasPrefix && settings.PrefixStart != default ? settings.PrefixStart.ToString().ToLowerInvariant() : null,
        settings.PrefixStartText,
        Tuning = settings.Tuning is { } tuning ? TuningOptions(tuning) : null,
        settings.Pattern,
        Words = settings.Words is { } words ? string.Join(';', words.Classes.Select(name => $"{name}={string.Join(',', words[name])}")) : null,
        Writing = settings.Writing.Describe(),
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
        PTuningV2Transformer model = run.Shared is { } shared ? LearnTogether(run, shared, train, dev) : LearnAlone(run, train, dev);
        return new Learned(model.Transform, model.Backbone.Name, model);
    }

    private PTuningV2Transformer LearnAlone(TrainingRun run, IDataView train, IDataView dev)
    {
        PTuningV2Trainer trainer = Trainer(run.Context, WithTraining(OfTask(run.Data, run.Settings), run));
        return run.Settings.KeepsBestEpoch ? trainer.Fit(train, dev) : trainer.Fit(train);
    }

    private PTuningV2Transformer LearnTogether(TrainingRun run, SharedTraining shared, IDataView train, IDataView dev)
    {
        PTuningV2Trainer.Options main = OfTask(run.Data, run.Settings);
        main.ValidationSet = run.Settings.KeepsBestEpoch ? dev : null;
        var tasks = shared.Companions.ToDictionary(
            companion => companion.Name, companion => new PTuningV2MultiTaskData(OfTask(companion.Data, run.Settings), companion.Rows!));
        tasks[shared.Main] = new PTuningV2MultiTaskData(main, train);

        var trainer = new PTuningV2MultiTaskTrainer(
            run.Context, WithTraining(new PTuningV2MultiTaskTrainer.Options { ContinuationEpochs = shared.ContinuationEpochs }, run));
        IReadOnlyDictionary<string, PTuningV2Transformer> models = trainer.Fit(tasks);
        foreach (Companion companion in shared.Companions)
            models[companion.Name].Dispose();
        return models[shared.Main];
    }

    private static PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options)
    {
        MulticlassClassificationCatalog.MulticlassClassificationTrainers classes = mlContext.MulticlassClassification.Trainers;
        return options switch
        {
            PTuningV2Trainer.RegressionOptions numbers => mlContext.Regression.Trainers.PTuningV2(numbers),
            PTuningV2Trainer.MulticlassOptions texts => classes.PTuningV2(texts),
            PTuningV2Trainer.NamedEntityOptions tags => classes.PTuningV2NamedEntityRecognition(tags),
            PTuningV2Trainer.QuestionAnswerOptions answers => classes.PTuningV2QuestionAnswer(answers),
            PTuningV2Trainer.MultipleChoiceOptions choices => classes.PTuningV2MultipleChoice(choices),
            PTuningV2Trainer.TextGenerationOptions texts => classes.PTuningV2TextGeneration(texts),
            _ => throw new NotSupportedException($"There is no trainer for {options.GetType().Name}."),
        };
    }

    // What is learned: the options that each of several tasks has of its own.
    private PTuningV2Trainer.Options OfTask(TaskData data, Settings settings)
    {
        PTuningV2Trainer.Options options = data switch
        {
            SentenceData { IsRegression: true } when settings.Pattern is not null =>
                throw new InvalidDataException("--pattern is for texts with classes, but the labels of these rows are numbers."),
            SentenceData { IsRegression: true } sentences => OfTexts(new PTuningV2Trainer.RegressionOptions(), sentences, settings),
            SentenceData sentences => OfTexts(new PTuningV2Trainer.MulticlassOptions { Verbalizer = settings.Words }, sentences, settings),
            TaggingData tagging => new PTuningV2Trainer.NamedEntityOptions { PredicateColumnName = tagging.HasPredicates ? "Predicate" : null },
            AnswerData => new PTuningV2Trainer.QuestionAnswerOptions { DocumentStride = settings.MaxLength / 3 },  // As the official code's 128 of 384.
            ChoiceData => new PTuningV2Trainer.MultipleChoiceOptions { Pooling = settings.Pooling },
            WritingData => new PTuningV2Trainer.TextGenerationOptions
            {
                Generation = settings.Writing.Generation,
                ContinuesText = settings.Writing.ContinuesText ? true : null,
            },
            _ => throw Refuse(data),
        };
        options.MaxLength = settings.MaxLength;
        return options;
    }

    private static TOptions OfTexts<TOptions>(TOptions options, SentenceData sentences, Settings settings)
        where TOptions : PTuningV2Trainer.SentenceOptions
    {
        options.Sentence2ColumnName = sentences.IsPair ? "Sentence2" : null;
        options.Pooling = settings.Pooling;
        options.Pattern = settings.Pattern;
        return options;
    }

    // How it is learned: the options that tasks share which train together.
    private static TOptions WithTraining<TOptions>(TOptions options, TrainingRun run)
        where TOptions : TrainingOptions
    {
        Settings settings = run.Settings;
        options.Backbone = run.Backbone;
        if (settings.Tuning is null)
        {
            options.PrefixLength = settings.PrefixLength;
            options.PrefixLayers = settings.PrefixLayers;
            options.PrefixProjection = settings.Projection;
            options.PrefixStart = settings.PrefixStart;
            options.PrefixStartText = settings.PrefixStartText;
            options.PrefixGate = settings.PrefixGate;
            options.PositionOffset = settings.PositionOffset;
        }

        options.Method = settings.Tuning;
        options.PrefixDropout = settings.PrefixDropout;
        options.HeadDropout = settings.HeadDropout;
        options.BackboneDropout = settings.BackboneDropout;
        options.Advanced.PadToMaxLength = settings.PadToMax;
        options.LearningRate = settings.LearningRate;
        options.BatchSize = settings.BatchSize;
        options.MaxEpochs = settings.Epochs;
        options.Seed = run.Seed;
        options.CheckpointDirectory = run.Checkpoints;
        options.Precision = run.Precision ?? options.Precision;
        options.MaxRescues = run.Rescues ?? options.MaxRescues;
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
