using Microsoft.ML;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>XML docs: the trainers on the catalogs, their options, PTuningV2Trainer.</summary>
internal static class ApiTrainers
{
    public static void LearningRate()
    {
        var options = new PTuningV2Trainer.MulticlassOptions { LearningRate = LearningRates.Auto };
        options.Check();
    }

    public static void Trainer(MLContext mlContext, IDataView tickets, IDataView newTickets)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Text");
        using PTuningV2Transformer model = trainer.Fit(tickets);
        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(newTickets));
        Console.WriteLine(metrics.MacroAccuracy);
    }

    public static void Fit(MLContext mlContext, IDataView tickets)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Text");
        using var model = trainer.Fit(tickets);
        Console.WriteLine(model.Summary);
    }

    public static void FitWithValidation(MLContext mlContext, PTuningV2Trainer trainer, IDataView tickets)
    {
        var split = mlContext.Data.TrainTestSplit(tickets, testFraction: 0.2);
        using var model = trainer.Fit(split.TrainSet, split.TestSet);
        Console.WriteLine($"best epoch: {model.Summary?.BestEpoch}");
    }

    public static void Multiclass(MLContext mlContext, IDataView tickets)
    {
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Text"))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        var model = pipeline.Fit(tickets); // Label, Text: text.
        Console.WriteLine(model.GetOutputSchema(tickets.Schema));
    }

    public static PTuningV2Trainer MulticlassOptions(MLContext mlContext, IDataView validation)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            ValidationSet = validation,
            EarlyStoppingPatience = 3,
        });
        return trainer;
    }

    public static PTuningV2Trainer Verbalizer(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = "mini-cased",
            Pattern = "{text} It was {mask}.",
            Verbalizer = new Verbalizer { ["positive"] = ["good", "great"], ["negative"] = ["bad"] },
        });
        return trainer;
    }

    public static void PatternExploiting(MLContext mlContext, IDataView labelled, IDataView unlabeled)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PatternExploiting(new PatternExploitingTrainer.Options
        {
            PatternModel = new() { Sentence1ColumnName = "Text", Backbone = "mini-cased" },
            Patterns =
            [
                new("{text} It was {mask}.", new() { ["positive"] = ["good"], ["negative"] = ["bad"] }),
                new("A {mask} film: {text}", new() { ["positive"] = ["great"], ["negative"] = ["poor"] }),
            ],
            UnlabeledSet = unlabeled,
        });
        using PTuningV2Transformer model = trainer.Fit(labelled);
        Console.WriteLine(model.Summary);
    }

    public static PatternVerbalizer[] Patterns()
    {
        PatternVerbalizer[] patterns =
        [
            new("{text} It was {mask}.", new() { ["positive"] = ["good"], ["negative"] = ["bad"] }),
            new("A {mask} film: {text}", new() { ["positive"] = ["great"], ["negative"] = ["poor"] }),
        ];
        return patterns;
    }

    public static PatternVerbalizer Pattern()
    {
        var pair = new PatternVerbalizer("{text} It was {mask}.", new() { ["positive"] = ["good"], ["negative"] = ["bad"] });
        return pair;
    }

    public static void Binary(MLContext mlContext, IDataView tickets, IDataView newTickets)
    {
        var trainer = mlContext.BinaryClassification.Trainers.PTuningV2(labelColumnName: "Urgent", sentence1ColumnName: "Text");
        using var model = trainer.Fit(tickets); // Urgent: Boolean; Text: text.
        var metrics = mlContext.BinaryClassification.Evaluate(model.Transform(newTickets), labelColumnName: "Urgent");
        Console.WriteLine(metrics.F1Score);
    }

    public static PTuningV2Trainer BinaryOptions(MLContext mlContext)
    {
        var trainer = mlContext.BinaryClassification.Trainers.PTuningV2(new PTuningV2Trainer.BinaryOptions
        {
            LabelColumnName = "Urgent",
            Sentence1ColumnName = "Text",
            PrefixLayers = 3, // The top three layers: faster training, smaller files.
        });
        return trainer;
    }

    public static void MultiLabel(MLContext mlContext, IDataView mails, IDataView newMails)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2MultiLabel(labelColumnName: "Topics", sentence1ColumnName: "Text");
        using var model = trainer.Fit(mails); // Topics: a vector of text, such as "Billing", "Delivery"; Text: text.
        var metrics = mlContext.MulticlassClassification.EvaluateMultiLabel(model.Transform(newMails), labelColumnName: "Topics");
        Console.WriteLine(metrics.MicroF1);
    }

    public static PTuningV2Trainer MultiLabelOptions(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2MultiLabel(new PTuningV2Trainer.MultiLabelOptions
        {
            LabelColumnName = "Topics",
            Sentence1ColumnName = "Text",
            Threshold = 0.4, // Finds more topics than 0.5 does, and errs more often.
        });
        return trainer;
    }

    public static void Regression(MLContext mlContext, IDataView pairs, IDataView newPairs)
    {
        var trainer = mlContext.Regression.Trainers.PTuningV2(sentence1ColumnName: "First", sentence2ColumnName: "Second");
        using var model = trainer.Fit(pairs); // First, Second: text; Label: Single.
        var metrics = mlContext.Regression.EvaluateSimilarity(model.Transform(newPairs));
        Console.WriteLine(metrics.Pearson);
    }

    public static PTuningV2Trainer RegressionOptions(MLContext mlContext)
    {
        var trainer = mlContext.Regression.Trainers.PTuningV2(new PTuningV2Trainer.RegressionOptions
        {
            Sentence1ColumnName = "First",
            Sentence2ColumnName = "Second",
            Seed = 1,
        });
        return trainer;
    }

    public static void Entities(MLContext mlContext, IDataView messages, IDataView newMessages)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(labelColumnName: "Cities", sentence1ColumnName: "Text");
        using var model = trainer.Fit(messages); // Cities: a vector of text, such as "CITY 16 25"; Text: text.
        var scored = model.Transform(newMessages);
        var metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(scored, "Cities", "Entities");
        Console.WriteLine(metrics.MicroF1);
    }

    public static PTuningV2Trainer NamedEntityOptions(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(new PTuningV2Trainer.NamedEntityOptions
        {
            Sentence1ColumnName = "Words",
            PredicateColumnName = "Predicate", // For semantic roles: the index of the predicate's word.
            MaxLength = 256,
        });
        return trainer;
    }

    public static void Answers(MLContext mlContext, IDataView questions, IDataView newQuestions)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(topK: 1);
        using var model = trainer.Fit(questions); // Context, Question, TrainingAnswer: text; AnswerIndex: Int32.
        var metrics = mlContext.MulticlassClassification.EvaluateQuestionAnswer(model.Transform(newQuestions));
        Console.WriteLine(metrics.F1);
    }

    public static PTuningV2Trainer QuestionAnswerOptions(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(new PTuningV2Trainer.QuestionAnswerOptions
        {
            ContextColumnName = "Article",
            MaxAnswerLength = 15,
            NoAnswerThreshold = -1, // Gives more empty answers than 0 does.
        });
        return trainer;
    }

    public static void Choices(MLContext mlContext, IDataView stories, IDataView newStories)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2MultipleChoice(sentence1ColumnName: "Story", choicesColumnName: "Endings");
        using var model = trainer.Fit(stories); // Story: text; Endings: a vector of text; Label: Int32, from 0.
        var metrics = mlContext.MulticlassClassification.EvaluateMultipleChoice(model.Transform(newStories));
        Console.WriteLine(metrics.MicroAccuracy);
    }

    public static PTuningV2Trainer MultipleChoiceOptions(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2MultipleChoice(new PTuningV2Trainer.MultipleChoiceOptions
        {
            Sentence1ColumnName = "Story",
            ChoicesColumnName = "Endings",
            MaxLength = 256, // Tokens of a story and an ending together.
        });
        return trainer;
    }

    public static void Texts(MLContext mlContext, IDataView descriptions, IDataView newFacts)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2TextGeneration(textColumnName: "Facts", backbone: "encoders/gpt2");
        using var model = trainer.Fit(descriptions); // Facts, Label: text.
        var metrics = mlContext.MulticlassClassification.EvaluateText(model.Transform(newFacts));
        Console.WriteLine(metrics.Bleu);
    }

    public static PTuningV2Trainer TextGenerationOptions(MLContext mlContext)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2TextGeneration(new PTuningV2Trainer.TextGenerationOptions
        {
            TextColumnName = "Facts",
            Backbone = "encoders/gpt2",
            Generation = new() { MaxNewTokens = 40, Beams = 4 },
        });
        return trainer;
    }

    public static void Generation(PTuningV2Trainer.TextGenerationOptions options, bool isVaried)
    {
        var careful = new GenerationSettings { MaxNewTokens = 40, Beams = 4 };
        var varied = new GenerationSettings { Samples = true, Temperature = 0.8, TopP = 0.95, Seed = 1 };
        options.Generation = isVaried ? varied : careful;
    }

    public static void GenerationAsText()
    {
        var careful = new GenerationSettings { MaxNewTokens = 40, Beams = 4 };
        Console.WriteLine(careful.ToString()); // MaxNewTokens 40, Beams 4
    }

    public static string TextAsItIsWritten(PTuningV2Transformer model)
    {
        var description = model.GenerateText("name: The Vaults | food: Italian", onText: piece => Console.Write(piece));
        return description;
    }
}
