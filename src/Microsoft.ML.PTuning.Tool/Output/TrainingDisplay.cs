using System.Globalization;
using Spectre.Console;

namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>Shows a training as a live bar, or as a line per epoch where nobody watches.</summary>
internal static class TrainingDisplay
{
    public static TResult Show<TResult>(ToolConsole console, Func<IProgress<TrainingProgress>, TResult> train)
    {
        if (!console.IsInteractive || !console.Messages.Profile.Capabilities.Interactive)
        {
            var lines = new EpochLines(console);
            var result = train(lines);
            lines.WriteLast();
            return result;
        }

        return console.Messages.Progress()
            .Columns(new ProgressBarColumn { Width = 10 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => train(new LiveBar(context.AddTask("encoding the texts"))));
    }

    private static string Describe(TrainingProgress progress)
    {
        var metric = progress.ValidationMetric is { } validated ? $", validation {progress.MetricName} {validated:F3}"
            : progress.Metric is { } trained ? $", training {progress.MetricName} {trained:F3}"
            : "";
        return string.Create(CultureInfo.InvariantCulture, $"epoch {progress.Epoch}/{progress.Epochs}, loss {progress.Loss:F3}{metric}");
    }

    private sealed class LiveBar(ProgressTask task) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            (task.MaxValue, task.Value) = (value.Steps, value.Step);
            task.Description = Markup.Escape($"{Describe(value)}, {value.TimeLeft:m\\:ss} left");
        }
    }

    private sealed class EpochLines(ToolConsole console) : IProgress<TrainingProgress>
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
                console.Say(string.Create(CultureInfo.InvariantCulture, $"{Describe(_last)}, {_last.SamplesPerSecond:F0} rows/s"));
        }
    }
}
