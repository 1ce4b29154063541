using Microsoft.ML.PTuning;
using Spectre.Console;

namespace Examples;

/// <summary>Shows training as a live bar in 80 columns, or as a line per epoch where the output goes to a file or a pipe.</summary>
internal static class TrainingBar
{
    public static TModel Show<TModel>(Func<IProgress<TrainingProgress>, TModel> train)
    {
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            var lines = new EpochLines();
            TModel model = train(lines);
            lines.WriteLast();
            return model;
        }

        return AnsiConsole.Progress()
            .Columns(new ProgressBarColumn { Width = 10 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => train(new LiveBar(context.AddTask("encoding the texts"))));
    }

    // The metric is that of the last finished epoch; on the training rows it is higher than on new ones.
    private static string Describe(TrainingProgress progress)
    {
        string metric = progress.ValidationMetric is { } validated ? $", validation {progress.MetricName} {validated:F3}"
            : progress.Metric is { } trained ? $", training {progress.MetricName} {trained:F3}"
            : "";
        return $"epoch {progress.Epoch}/{progress.Epochs}, loss {progress.Loss:F3}{metric}";
    }

    private sealed class LiveBar(ProgressTask task) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            task.MaxValue = value.Steps;
            task.Value = value.Step;
            task.Description = Markup.Escape($"{Describe(value)}, {value.TimeLeft:m\\:ss} left");
        }
    }

    private sealed class EpochLines : IProgress<TrainingProgress>
    {
        private TrainingProgress? _last;

        public void Report(TrainingProgress value)
        {
            if (_last is not null && _last.Epoch != value.Epoch)
                WriteLast();
            _last = value;
        }

        public void WriteLast()
        {
            if (_last is not null)
                Console.WriteLine($"{Describe(_last)}, {_last.SamplesPerSecond:F0} rows/s");
        }
    }
}
