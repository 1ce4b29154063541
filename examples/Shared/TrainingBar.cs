using System.Diagnostics;
using Microsoft.ML.PTuning;
using Spectre.Console;

namespace Examples;

/// <summary>Shows training as a live bar and curve of the loss in 80 columns, or as a line per epoch where the output goes to a file or a pipe.</summary>
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

        return AnsiConsole.Live(new Text("encoding the texts")).Start(context =>
        {
            var chart = new LiveChart(context);
            TModel model = train(chart);
            chart.Show();
            return model;
        });
    }

    // The metric is that of the last finished epoch; on the training rows it is higher than on new ones.
    private static string Describe(TrainingProgress progress)
    {
        string metric = progress.ValidationMetric is { } validated ? $", validation {progress.MetricName} {validated:F3}"
            : progress.Metric is { } trained ? $", training {progress.MetricName} {trained:F3}"
            : "";
        return $"epoch {progress.Epoch}/{progress.Epochs}, loss {progress.Loss:F3}{metric}";
    }

    private sealed class LiveChart(LiveDisplayContext context) : IProgress<TrainingProgress>
    {
        private const int Width = 70, Height = 6, BarWidth = 10;
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

        private readonly LossCurve _curve = new(Width, Height);
        private readonly Stopwatch _shown = new();
        private TrainingProgress? _last;

        public void Report(TrainingProgress value)
        {
            _last = value;
            _curve.Add(value.Step, value.Steps, value.Loss);
            if (!_shown.IsRunning || _shown.Elapsed >= Pause)
                Show();
        }

        public void Show()
        {
            if (_last is not { } last)
                return;

            int done = (int)((long)last.Step * BarWidth / last.Steps);
            string bar = $"{new string('━', done)}{new string('╌', BarWidth - done)} {(double)last.Step / last.Steps,4:P0}";
            context.UpdateTarget(new Rows(
            [
                new Text("loss of the training rows"), .. _curve.Lines().Select(line => new Text(line, new Style(Color.Green))),
                new Text($"{bar} {Describe(last)}, {last.TimeLeft:m\\:ss} left"),
            ]));
            _shown.Restart();
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
