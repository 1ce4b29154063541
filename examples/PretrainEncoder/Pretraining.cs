using System.Diagnostics;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Training;
using PretrainEncoder.Data;
using PretrainEncoder.Models;
using PretrainEncoder.Training;
using static TorchSharp.torch;

namespace PretrainEncoder;

/// <summary>What a training came to.</summary>
/// <param name="Losses">The mean loss per word of each step.</param>
/// <param name="HeldOutLoss">The mean loss per word on documents that training has not seen; null where it was cancelled.</param>
internal sealed record PretrainingResult(IReadOnlyList<double> Losses, double? HeldOutLoss);

/// <summary>A training from the corpus to the folder of a model.</summary>
internal static class Pretraining
{
    /// <summary>How many windows of the held-out documents are judged.</summary>
    private const int JudgedWindows = 400;

    /// <summary>How often the folder is written.</summary>
    private const int Saves = 10;

    /// <exception cref="IOException">The corpus is missing or damaged, or the folder cannot be written.</exception>
    /// <exception cref="InvalidDataException">The corpus is damaged.</exception>
    public static PretrainingResult Run(Settings settings, TextWriter output, CancellationToken cancellation)
    {
        if (Directory.Exists(settings.Output) && Directory.EnumerateFileSystemEntries(settings.Output).Any())
            throw new IOException($"{settings.Output}: expected a new or empty folder, but it holds files. Name another one with --out.");

        Corpus corpus = Corpus.Read(settings.Corpus);
        TorchNative.EnsureLoaded();
        return SingleCoreThread.Run("Pre-training", () => Train(settings, corpus, output, cancellation));
    }

    private static PretrainingResult Train(Settings settings, Corpus corpus, TextWriter output, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var streams = new RandomStreams(settings.Seed);
        Random random = streams.Random(RandomStream.BatchOrder);
        using Generator generator = streams.Generator(RandomStream.InitialValues);
        var files = new ModelFiles(settings, corpus);
        using var backbone = RandomModel.Create(files, settings.Model, generator);
        using var trainer = new Pretrainer(backbone, corpus.Special.Pad);
        var windows = new Windows(corpus, settings.Window - settings.Model.SpecialTokens);
        output.WriteLine(
            $"{settings.Model.ModelType}: {trainer.Weights.ElementCount:N0} weights; {corpus.Ids.Length:N0} tokens in {corpus.Documents:N0} documents, "
            + $"{windows.HeldOutDocuments:N0} of them held out");

        var losses = new List<double>();
        var schedule = new Schedule(settings);
        var clock = Stopwatch.StartNew();
        var log = new TrainingLog(output, clock);
        int saves = 0;
        foreach (Window[] batch in windows.Batches(settings.BatchSize, random))
        {
            double done = schedule.Done(losses.Count, clock.Elapsed);
            if (done >= 1 || cancellation.IsCancellationRequested)
                break;

            if ((int)(done * Saves) > saves)
            {
                saves = (int)(done * Saves);
                files.Write(settings.Output, trainer.Weights);
            }

            PretrainingRow[] rows = [.. batch.Select(window => settings.Model.Row(corpus.TokensOf(window), window.EndsDocument, corpus, random))];
            double rate = schedule.RateAt(done);
            losses.Add(trainer.Step(rows, Offset(settings, random), rate));
            log.Add(losses[^1], rows.Sum(row => row.Text.Length));
            log.WriteIfDue(done, losses.Count, rate);
        }

        files.Write(settings.Output, trainer.Weights);
        output.WriteLine($"{losses.Count:N0} steps, {log.Tokens:N0} tokens in {clock.Elapsed:h\\:mm\\:ss}; written to {settings.Output}");
        return new(losses, cancellation.IsCancellationRequested ? null : Judge(settings, corpus, windows, trainer, output));
    }

    /// <summary>Half of the steps begin at the first position, the others anywhere, so that all positions are trained.</summary>
    private static int Offset(Settings settings, Random random) =>
        random.Next(2) == 0 ? 0 : random.Next(settings.Positions - settings.Window + 1);

    private static double Judge(Settings settings, Corpus corpus, Windows windows, Pretrainer trainer, TextWriter output)
    {
        var random = new Random(0); // The same masks whatever the seed.
        PretrainingRow[] rows =
            [.. windows.HeldOut(JudgedWindows).Select(window => settings.Model.Row(corpus.TokensOf(window), window.EndsDocument, corpus, random))];
        double loss = trainer.Loss(rows);
        output.WriteLine(FormattableString.Invariant(
            $"Held-out documents: loss {loss:F3}, perplexity {Math.Exp(loss):F1}, over {rows.Sum(row => row.Words.Length)} words in {rows.Length} windows"));
        return loss;
    }
}
