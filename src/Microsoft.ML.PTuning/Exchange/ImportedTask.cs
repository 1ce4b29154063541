using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>The task of an imported model: that of the options, completed from the files.</summary>
internal static class ImportedTask
{
    public static TaskForm FormOf(PromptTask task) => task switch
    {
        NamedEntityRecognition => TaskForm.Tokens,
        QuestionAnswering => TaskForm.Answers,
        MultipleChoice => TaskForm.Choice,
        TextGeneration => TaskForm.Writing,
        _ => TaskForm.Sentence,
    };

    /// <summary>The options where the caller gave none.</summary>
    public static PTuningV2Trainer.Options OptionsFor(TaskForm form, long outputs, bool isMultiLabel) => form switch
    {
        TaskForm.Tokens => new PTuningV2Trainer.NamedEntityOptions(),
        TaskForm.Answers => new PTuningV2Trainer.QuestionAnswerOptions(),
        TaskForm.Choice => new PTuningV2Trainer.MultipleChoiceOptions(),
        _ when isMultiLabel => new PTuningV2Trainer.MultiLabelOptions(),
        _ when outputs == 1 => new PTuningV2Trainer.RegressionOptions(),
        _ => new PTuningV2Trainer.MulticlassOptions(),
    };

    /// <summary>A task whose rows leave a method its positions.</summary>
    /// <param name="room">The largest number of tokens.</param>
    public static PromptTask Shrunk(PromptTask task, int room)
    {
        if (task.MaxLength <= room)
            return task;
        return task is QuestionAnswering answering
            ? answering with { MaxLength = room, DocumentStride = Math.Min(answering.DocumentStride, room / 4) } // A question may take half.
            : task with { MaxLength = room };
    }

    /// <summary>The task of a language model. It goes on behind the text as transformers' does, unless the options say otherwise.</summary>
    /// <param name="options">Null where the caller gave none; <paramref name="room"/> holds then.</param>
    /// <param name="room">The largest number of positions.</param>
    /// <exception cref="ArgumentException">There are classes.</exception>
    public static PromptTask Writing(PTuningV2Trainer.Options? options, IReadOnlyList<string>? classes, Backbone backbone, int room)
    {
        var task = (TextGeneration)(options ?? new PTuningV2Trainer.TextGenerationOptions()).ToTask();
        if (classes is not null)
            throw NoClasses(task);
        if (options is null && task.PositionsIn(backbone) > room)
        {
            var written = Math.Clamp(room / 2, 1, task.Generation.MaxNewTokens);
            task = task with { Generation = new() { MaxNewTokens = written }, MaxLength = Math.Clamp(room - written, 1, task.MaxLength) };
        }
        return (task with { ContinuesText = task.ContinuesText ?? (backbone.DecoderStart is null ? true : null) }).ForBackbone(backbone);
    }

    /// <param name="task">The task as the options say it.</param>
    /// <param name="head">The head of the file.</param>
    /// <param name="source">The model's folder.</param>
    /// <param name="classes">The classes in the order of the outputs; null where nobody knows them.</param>
    /// <exception cref="InvalidDataException">The head has another number of outputs than the task needs.</exception>
    public static PromptTask Complete(PromptTask task, ForeignHead head, IReadOnlyList<string>? classes, string source)
    {
        if (head.Bias.size(0) > LabelValues.MostClasses)
            throw new InvalidDataException($"The head in '{source}' has {head.Bias.size(0)} outputs, more than {LabelValues.MostClasses}.");

        var outputs = (int)head.Bias.size(0);
        var labels = new LabelValues(outputs, "Text", classes ?? [.. Enumerable.Range(0, outputs).Select(index => $"LABEL_{index}")]); // As transformers.
        var needed = task switch
        {
            BinaryClassification or QuestionAnswering => 2,
            TextRegression or MultipleChoice => 1,
            _ => Math.Max(outputs, task is MultiLabelClassification ? 1 : 2),
        };
        if (outputs != needed)
            throw new InvalidDataException(
                $"The head in '{source}' has {outputs} output{(outputs == 1 ? "" : "s")}, but {Describe(task)} needs {needed}. "
                + "Choose the options of another task.");

        return task switch
        {
            MulticlassClassification classification => classification with { Labels = labels, Pooling = head.Pooling },
            MultiLabelClassification classification => classification with { Labels = labels, HasTexts = true, Pooling = head.Pooling },
            NamedEntityRecognition tagging => tagging with { Labels = labels, Words = WordSource.ByColumn },
            QuestionAnswering answering => answering with { AllowsNoAnswer = true },
            MultipleChoice choice => choice with { Pooling = head.Pooling },
            SentenceTask sentence => sentence with { Pooling = head.Pooling },
            _ => task,
        };
    }

    /// <exception cref="ArgumentException">The options ask for what an imported model decides itself.</exception>
    public static void Check(PTuningV2Trainer.Options options, IReadOnlyList<string>? classes)
    {
        options.Check();
        var task = options.ToTask();
        if (task is SentenceClassification { Verbalizer: not null })
            throw new ArgumentException("The options have a Verbalizer, but an imported model has a trained head. Leave the Verbalizer out.", nameof(options));
        if (task is SentenceTask { Pooling: not Pooling.Automatic } or MultipleChoice { Pooling: not Pooling.Automatic })
            throw new ArgumentException("The options set Pooling, but the imported model says it. Leave it Automatic.", nameof(options));
        task.CheckNames();
        if (classes is null)
            return;
        if (task is not (MulticlassClassification or MultiLabelClassification or NamedEntityRecognition))
            throw NoClasses(task);
        if (classes.Any(string.IsNullOrEmpty) || classes.Distinct().Count() < classes.Count)
            throw new ArgumentException("A class has no name, or two have the same one. Give each a name of its own.", nameof(classes));
        LabelValues.RefuseBrokenText(classes, nameof(classes));
    }

    public static string Describe(PromptTask task) => PromptTask.Kinds.Single(kind => kind.Value == task.GetType()).Key;

    /// <returns>The classes that a file names, if there is one per output; null otherwise.</returns>
    public static IReadOnlyList<string>? Usable(IReadOnlyList<string>? named, long outputs) =>
        named is not null && named.Count == outputs && named.Distinct().Count() == named.Count && !named.Any(string.IsNullOrEmpty) ? named : null;

    /// <summary>The largest number of tokens that leaves a method its positions.</summary>
    public static int MostTokens(TuningMethod method, Backbone backbone) => backbone.MaxPositions - method.ReservedPositions - method.InsertedTokens;

    private static ArgumentException NoClasses(PromptTask task) =>
        new($"Classes are given, but {Describe(task)} has none to name. Leave them out.", "classes");
}
