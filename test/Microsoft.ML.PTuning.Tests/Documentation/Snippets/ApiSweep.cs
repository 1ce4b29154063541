using Microsoft.ML;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>XML docs and docs/sweeps.md: PTuningSweep.</summary>
internal static class ApiSweep
{
    public static void Class(MLContext mlContext, IDataView tickets)
    {
        var sweep = new PTuningSweep<PTuningV2Trainer.MulticlassOptions>(
            mlContext,
            new() { Sentence1ColumnName = "Text" },
            scored => mlContext.MulticlassClassification.Evaluate(scored).MacroAccuracy)
        {
            Trials = 12,
            ResultsFile = "tickets.trials.jsonl",
        };
        var result = sweep.Vary(options => options.LearningRate).Vary(options => options.PrefixLength, 10, 20, 40).Run(tickets);
        Console.WriteLine(result.Best);
        using var model = mlContext.MulticlassClassification.Trainers.PTuningV2(result.Best.Options).Fit(tickets);
    }

    public static PTuningSweep<PTuningV2Trainer.RegressionOptions> LowerIsBetter(MLContext mlContext)
    {
        var sweep = new PTuningSweep<PTuningV2Trainer.RegressionOptions>(
            mlContext,
            new() { LabelColumnName = "Hours", Sentence1ColumnName = "Text", Seed = 1 },
            scored => mlContext.Regression.Evaluate(scored, labelColumnName: "Hours").MeanAbsoluteError) { IsLowerBetter = true };
        return sweep;
    }

    public static void Vary(PTuningSweep<PTuningV2Trainer.MulticlassOptions> sweep)
    {
        sweep.Vary(options => options.LearningRate);              // 1e-4 to 6e-2, logarithmic: what the option carries.
        sweep.Vary(options => options.Pooling, Pooling.Mean, Pooling.Trained);
    }

    public static void VaryMethod(PTuningSweep<PTuningV2Trainer.MulticlassOptions> sweep)
    {
        sweep.Vary<TuningMethod?>(options => options.Method, null, new BitFit(), new LowRankAdaptation());
    }

    public static void Fit(
        MLContext mlContext, PTuningSweep<PTuningV2Trainer.MulticlassOptions> sweep, PatternVerbalizer[] patterns, IDataView unlabeled)
    {
        sweep.Fit = (options, rows) => mlContext.MulticlassClassification.Trainers.PatternExploiting(
            new PatternExploitingTrainer.Options { PatternModel = options, Patterns = patterns, UnlabeledSet = unlabeled }).Fit(rows);
    }

    public static void VaryRange(PTuningSweep<PTuningV2Trainer.MulticlassOptions> sweep)
    {
        sweep.VaryRange(options => options.LearningRate, 3e-3, 3e-2, logarithmic: true);
        sweep.VaryRange(options => options.PrefixLength, 5, 50);
    }

    public static PTuningSweepTrial<PTuningV2Trainer.MulticlassOptions> Progress(
        PTuningSweep<PTuningV2Trainer.MulticlassOptions> sweep, IDataView tickets)
    {
        sweep.Progress = new Progress<PTuningSweepProgress<PTuningV2Trainer.MulticlassOptions>>(
            progress => Console.WriteLine($"{progress.Done} of {progress.Total}: {progress.Trial}; {progress.TimeLeft} left"));
        var result = sweep.Run(tickets);
        return result.Best;
    }

    public static PTuningSweepTrial<PTuningV2Trainer.MulticlassOptions> Validation(
        PTuningSweep<PTuningV2Trainer.MulticlassOptions> sweep, DataOperationsCatalog.TrainTestData split)
    {
        sweep.Search = PTuningSweepSearch.SuccessiveHalving;
        var result = sweep.Run(split.TrainSet, split.TestSet);
        return result.Best;
    }

    public static void Trials(PTuningSweepResult<PTuningV2Trainer.MulticlassOptions> result)
    {
        foreach (var trial in result.Trials)
            Console.WriteLine(trial.ToString());
    }

    public static async Task RunElsewhere(PTuningSweep<PTuningV2Trainer.MulticlassOptions> sweep, IDataView tickets)
    {
        var result = await sweep.RunAsync((point, cancellation) => Task.Run(() => sweep.Measure(point, tickets), cancellation), parallelTrials: 2);
        Console.WriteLine(result.Best);
    }

    public static void MeasureReceived(PTuningSweep<PTuningV2Trainer.MulticlassOptions> sweep, PTuningSweepPoint received, IDataView tickets)
    {
        var point = new PTuningSweepPoint { Candidate = received.Candidate, Epochs = received.Epochs, Options = received.Options };
        double metric = sweep.Measure(point, tickets);
        Console.WriteLine(metric);
    }

    public static void MeasurePoint(PTuningSweep<PTuningV2Trainer.MulticlassOptions> sweep, PTuningSweepPoint point, IDataView tickets)
    {
        double metric = sweep.Measure(point, tickets);
        Console.WriteLine(metric);
    }
}
