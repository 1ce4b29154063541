using PaperTasks;
using PaperTasks.DataSets;
using PaperTasks.Experiments;
using PaperTasks.Methods;

namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>Each kind of task, once from its rows to its metrics.</summary>
[TestClass]
public sealed class PaperTaskExperimentTests
{
    private static readonly RequestedSettings OneEpoch = new(4, null, null, null, 1, null, 48, null, null, false, []);

    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void Named_entities_are_learned_and_measured()
    {
        TaggedSentence[] rows = [new(["Ann", "sleeps"], ["B-PER", "O"], null, 1), new(["Rome", "sleeps"], ["B-LOC", "O"], null, 3)];

        AssertMeasured(Run(new TaggingData(["B-LOC", "B-PER", "O"], rows, rows)), 2, "f1", "precision", "recall");
    }

    [TestMethod]
    public void Roles_of_a_predicate_are_learned_and_measured()
    {
        TaggedSentence[] rows =
        [
            new(["Ann", "came", "and", "saw"], ["B-ARG1", "B-V", "O", "O"], 1, 1),
            new(["Ann", "came", "and", "saw"], ["B-ARG0", "O", "O", "B-V"], 3, 1),
        ];

        AssertMeasured(Run(new TaggingData(["B-ARG0", "B-ARG1", "B-V", "O"], rows, rows)), 2, "f1", "precision", "recall", "argumentF1");
    }

    [TestMethod]
    public void F1_of_the_arguments_leaves_the_predicate_out()
    {
        // Labelled: 2 A0 (1 of 3 predicted is right), 1 A1 (not predicted), 3 pieces of predicates (all right).
        Dictionary<string, ClassScore> types = new()
        {
            ["A0"] = new(correct: 1, support: 2, predicted: 3),
            ["A1"] = new(correct: 0, support: 1, predicted: 0),
            ["C-V"] = new(correct: 1, support: 1, predicted: 1),
            ["V"] = new(correct: 2, support: 2, predicted: 2),
        };

        Assert.AreEqual(2.0 * 1 / (3 + 3), TaggingExperiment.ArgumentF1(types), 1e-9);
        Assert.AreEqual(0, TaggingExperiment.ArgumentF1(new Dictionary<string, ClassScore> { ["V"] = types["V"] }));
    }

    [TestMethod]
    public void Answers_are_learned_and_measured()
    {
        TextQuestion[] rows = [new("Who sleeps?", "Ann sleeps.", ["Ann"], 0, "1"), new("Who sings?", "Ann sleeps.", [], -1, "2")];

        AssertMeasured(Run(new AnswerData(rows, rows)), 2, "f1", "exactMatch", "answerableF1", "unanswerableF1");
    }

    [TestMethod]
    public void Choices_are_learned_and_measured()
    {
        ChoiceQuestion[] rows =
        [
            new("It rained. so", ["It got wet.", "It got dry."], 0, 1),
            new("Ann sneezed. because", ["She slept.", "She had a cold."], 1, 2),
        ];

        AssertMeasured(Run(new ChoiceData(rows, rows)), 2, "accuracy");
    }

    [TestMethod]
    public void Candidates_are_learned_and_the_best_of_each_question_is_measured()
    {
        Example[] rows = [Entity("Ann", "1"), Entity("Eve", "0")];

        AssertMeasured(Run(new SentenceData(Measures.BestCandidate, true, ["0", "1"], rows, rows)), 2, "f1", "exactMatch");
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Judged_rows_choose_an_epoch_only_where_the_best_one_is_asked_for(bool best)
    {
        Example[] rows = [new("Ann sleeps.", null, "0", 1), new("Eve sings.", null, "1", 2)];
        var data = new SentenceData(Measures.Accuracy, false, ["0", "1"], rows, [rows[0] with { Label = "1" }, rows[1] with { Label = "0" }]);

        RunResult result = Run(data, requested: OneEpoch with { LearningRate = 0.1, Epochs = 8, KeepsBestEpoch = best });

        // It learns its rows, and is the more wrong about the judged ones: the first epochs are the best.
        Assert.AreEqual(best, result.Summary!.BestEpoch < 8);
    }

    /// <summary>Epochs together and alone; a class of the companion's own shows that it has a head of its own.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_task_trains_together_with_another_and_is_judged_alone(bool best)
    {
        TaggedSentence[] rows = [new(["Ann", "sleeps"], ["B-PER", "O"], null, 1), new(["Rome", "sleeps"], ["B-LOC", "O"], null, 3)];
        TaggedSentence[] others = [.. Enumerable.Range(0, 40).Select(i => new TaggedSentence([$"May {i}", "rained"], ["B-DATE", "O"], null, i))];
        var other = new Companion("ner 2", PaperTask.Named("ner"), "train.txt", new TaggingData(["B-DATE", "O"], others, others));

        RunResult result = Run(
            new TaggingData(["B-LOC", "B-PER", "O"], rows, rows), requested: OneEpoch with { KeepsBestEpoch = best },
            shared: new SharedTraining("ner", [other], ContinuationEpochs: 2));

        AssertMeasured(result, 2, "f1", "precision", "recall");
        Assert.HasCount(1 + 2, result.Summary!.Epochs);
        Assert.AreEqual(best, result.Summary.Epochs.All(epoch => epoch.ValidationMetric is not null));
    }

    [TestMethod]
    public void The_rows_of_the_other_tasks_are_read_under_the_same_limits()
    {
        string conll = "Ann B-PER\n\nRome B-LOC\n\nMay B-DATE\n";
        _folder.Write("train.txt", conll);
        string[] arguments = ["--task", "ner", "--data", "d", "--limit", "2", "--with", $"ner={_folder.Path};conll04={_folder.Path}", "--continue", "3"];

        SharedTraining shared = CompanionOptions.Read(
            PaperTasks.CommandLine.Create().Parse(arguments), PaperTask.Named("ner"), new Reading(Limit: 2, TokenColumn: 0, LabelColumn: 1, HoldOut: 0.5))!;

        Assert.AreEqual(("ner", 3), (shared.Main, shared.ContinuationEpochs));
        CollectionAssert.AreEqual((string[])["ner 2", "conll04"], shared.Companions.Select(companion => companion.Name).ToArray());
        Assert.IsTrue(shared.Draw(new Reading(HoldOut: 0.5), seed: 1, Judged("Bonn")).Companions.All(companion => companion.Data.TrainRows == 2));
    }

    [TestMethod]
    public void Rows_of_the_other_tasks_whose_text_is_judged_are_left_out()
    {
        TextQuestion[] Questions(params string[] contexts) => [.. contexts.Select(context => new TextQuestion("Who?", context, ["Ann"], 0, context))];
        var (tags, questions) = (Judged("Ann sleeps", "Rome sleeps"), Questions("Ann sings.", "Ann runs.", "Ann sings."));
        var others = new SharedTraining("ner", [
            new Companion("ner 2", PaperTask.Named("ner"), "a", tags),
            new Companion("squad", PaperTask.Named("squad"), "b", new AnswerData(questions, questions))], ContinuationEpochs: 0);

        SharedTraining besideTags = others.Draw(Reading.Everything, seed: 1, Judged("Rome sleeps"));
        SharedTraining besideQuestions = others.Draw(Reading.Everything, seed: 1, new AnswerData(questions, Questions("Ann sings.")));

        CollectionAssert.AreEqual((int[])[1, 3], besideTags.Companions.Select(companion => companion.Data.TrainRows).ToArray());
        CollectionAssert.AreEqual((int[])[2, 1], besideQuestions.Companions.Select(companion => companion.Data.TrainRows).ToArray());
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => others.Draw(Reading.Everything, seed: 1, Judged("Ann sleeps", "Rome sleeps")));
        Assert.AreEqual("All 2 training rows of the other task have texts that are judged. Name another one with --with.", refusal.Message);
    }

    [TestMethod]
    public void A_folder_of_another_task_that_is_missing_is_named()
    {
        var arguments = PaperTasks.CommandLine.Create().Parse(["--task", "ner", "--data", "d", "--with", "ner=nosuch"]);

        var refusal = Assert.ThrowsExactly<DirectoryNotFoundException>(() => CompanionOptions.Read(arguments, PaperTask.Named("ner"), Reading.Everything));

        StringAssert.Contains(refusal.Message, "The folder 'nosuch' given by --with does not exist.");
    }

    [TestMethod]
    public void A_saved_tagger_answers_with_tags()
    {
        TaggedSentence[] rows = [new(["Ann", "sleeps"], ["B-PER", "O"], null, 1), new(["Rome", "sleeps"], ["B-LOC", "O"], null, 3)];
        string file = Path.Combine(_folder.Path, "tagger.zip");

        Run(new TaggingData(["B-LOC", "B-PER", "O"], rows, rows), file);

        var mlContext = new MLContext(1);
        using var model = (IDisposable)mlContext.Model.Load(file, out DataViewSchema input);
        DataViewSchema output = ((ITransformer)model).GetOutputSchema(input);
        Assert.IsInstanceOfType<Data.TextDataViewType>(((Data.VectorDataViewType)output["PredictedLabel"].Type).ItemType);
    }

    private static Example Entity(string name, string label) =>
        new("Ann met Eve.", $"Then {name} left.", label, 1) { Candidate = new Candidate("q", name, ["Ann"]) };

    private static RunResult Run(TaskData data, string? saveTo = null, RequestedSettings? requested = null, SharedTraining? shared = null)
    {
        Settings settings = Settings.Resolve(hasPrefix: true, requested ?? OneEpoch, null, new PTuningV2Trainer.MulticlassOptions());
        var run = new TrainingRun(data, settings, Backbone: null, Seed: 1, new Progress<TrainingProgress>(), CancellationToken.None) { Shared = shared };
        return Experiment.Run(LibraryMethod.DeepPrefix, run, saveTo);
    }

    private static void AssertMeasured(RunResult result, int rows, params string[] metrics)
    {
        CollectionAssert.AreEqual(metrics, result.Metrics.Select(metric => metric.Key).ToArray());
        Assert.AreEqual((rows, 0), (result.Summary!.RowsUsed, result.Summary.RowsSkipped));
    }

    private static TaggingData Judged(params string[] texts)
    {
        TaggedSentence[] rows = [.. texts.Select((text, i) => new TaggedSentence(text.Split(' '), [.. text.Split(' ').Select(_ => "O")], null, i))];
        return new TaggingData(["O"], rows, rows);
    }
}
