using System.CommandLine;
using System.Globalization;
using System.Linq.Expressions;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning sweep</c>: tries values of options on a file of rows, and tells which is best.</summary>
internal sealed class SweepCommand : ToolCommand
{
    // What can be varied: its name on the command line.
    private static readonly Dictionary<string, IVaried> s_varied = new()
    {
        ["learning-rate"] = new Varied<double>(options => options.LearningRate),
        ["prefix-length"] = new Varied<int>(options => options.PrefixLength),
        ["epochs"] = new Varied<int>(options => options.MaxEpochs),
        ["batch-size"] = new Varied<int>(options => options.BatchSize),
        ["max-length"] = new Varied<int>(options => options.MaxLength),
    };

    private readonly Argument<string> _data = new("DATA") { Description = "Rows, as for 'ptuning train'; a share of them is held out to measure with" };
    private readonly Option<string[]> _vary = new("--vary")
    {
        Description = $"What to vary, as NAME or NAME=VALUE,VALUE...: {string.Join(", ", s_varied.Keys)}. A name alone takes the usual range of the option",
        HelpName = "NAME[=VALUES]",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<PTuningSweepSearch> _search = new("--search")
    {
        Description = "Random: values at random; Grid: all combinations; SuccessiveHalving: many with few epochs, the best with more",
        HelpName = "NAME",
    };
    private readonly Option<int> _trials = new("--trials") { Description = "Trainings, for a search at random", HelpName = "N", DefaultValueFactory = _ => 16 };
    private readonly Option<string?> _results = new("--results") { Description = "A file with a line per finished trial, from which a stopped sweep goes on", HelpName = "FILE" };
    private readonly Option<double> _holdOut = TaskOptions.HoldOut("Share of the rows to measure with");
    private readonly TaskOptions _task = new();
    private readonly SettingsOptions _settings = new();
    private readonly DataOptions _reading = new();

    public SweepCommand(ToolConsole console)
        : base("sweep", "Tries values of options on a file of rows, and tells which are best.", console)
    {
        Arguments.Add(_data);
        foreach (var option in (Option[])[_vary, _search, _trials, _results, _holdOut])
            Options.Add(option);
        _task.AddTo(Options);
        _settings.AddTo(Options);
        _reading.AddTo(Options);
        _vary.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
                if (Axis.Parse(token.Value) is { Error: { } error })
                    result.AddError(error);
        });
    }

    /// <summary>An option that can be varied.</summary>
    private interface IVaried
    {
        bool IsWhole { get; }

        void Vary<TOptions>(PTuningSweep<TOptions> sweep, IReadOnlyList<double> values)
            where TOptions : PTuningV2Trainer.Options;
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        var reading = _reading.Read(parsed, Console, cancellation);
        var file = new DataFile(parsed.GetValue(_data)!, reading, Console.OpenInput);
        var table = file.ReadAll();
        var rows = _task.Read(parsed, table, reading);
        var settings = _settings.Read(parsed);
        var (training, held) = rows.HoldOut(parsed.GetValue(_holdOut), settings.Seed);
        Console.ShowPlan(file, table, rows, FormattableString.Invariant($"every trial trains on {training.Rows.Count:N0} rows and is measured on {held.Rows.Count:N0}"));

        var options = rows.Task.Options(rows.Columns);
        settings.Apply(options, progress: null, cancellation);
        return options switch
        {
            PTuningV2Trainer.MulticlassOptions some => Sweep(some),
            PTuningV2Trainer.BinaryOptions some => Sweep(some),
            PTuningV2Trainer.MultiLabelOptions some => Sweep(some),
            PTuningV2Trainer.RegressionOptions some => Sweep(some),
            PTuningV2Trainer.NamedEntityOptions some => Sweep(some),
            PTuningV2Trainer.QuestionAnswerOptions some => Sweep(some),
            _ => Sweep((PTuningV2Trainer.MultipleChoiceOptions)options),
        };

        object Sweep<TOptions>(TOptions chosen)
            where TOptions : PTuningV2Trainer.Options => Run(parsed, chosen, rows, training, held, settings, cancellation);
    }

    private object Run<TOptions>(
        ParseResult parsed, TOptions options, TrainingRows rows, DataTable training, DataTable held, TrainingSettings settings, CancellationToken cancellation)
        where TOptions : PTuningV2Trainer.Options
    {
        var mlContext = new MLContext(settings.Seed);
        var before = rows.Task.Before(mlContext, rows.Columns)?.Fit(rows.View(training));
        var sweep = new PTuningSweep<TOptions>(mlContext, options, scored => rows.Task.Measure(mlContext, scored, rows.Columns.Label).Metrics[0].Value)
        {
            Search = parsed.GetValue(_search),
            Trials = parsed.GetValue(_trials),
            ResultsFile = parsed.GetValue(_results),
            Seed = settings.Seed,
            CancellationToken = cancellation,
            Progress = new Told<TOptions>(Console),
        };
        foreach (var text in parsed.GetValue(_vary)!)
            Axis.Parse(text).AddTo(sweep);

        var result = sweep.Run(PipelineTraining.Through(before, rows.View(training)), PipelineTraining.Through(before, rows.View(held)));
        Console.Say("");
        Console.Say($"best        {result.Best} ({rows.Task.Metric}; the best of many on these rows, so new rows will do worse)");
        Console.Say($"            for 'ptuning train': {string.Join(' ', result.Best.Values.Select(Argument))}");
        return new
        {
            metric = rows.Task.Metric,
            best = new { result.Best.Values, result.Best.Metric },
            trials = result.Trials.Select(trial => new { trial.Values, metric = double.IsNaN(trial.Metric) ? (double?)null : trial.Metric, trial.Error }),
        };
    }

    // The option's name on the command line is its name in the library, in its own spelling.
    private static string Argument(KeyValuePair<string, object> value)
    {
        var name = value.Key == nameof(PTuningV2Trainer.Options.MaxEpochs) ? "epochs"
            : string.Concat(value.Key.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(c) : c.ToString()));
        return FormattableString.Invariant($"--{name} {value.Value}");
    }

    private sealed class Told<TOptions>(ToolConsole console) : IProgress<PTuningSweepProgress<TOptions>>
        where TOptions : PTuningV2Trainer.Options
    {
        public void Report(PTuningSweepProgress<TOptions> value) => console.Say(
            $"{value.Done} of {value.Total}: {value.Trial}{(value.TimeLeft is { } left ? $"; {left:h\\:mm\\:ss} left" : "")}");
    }

    private sealed class Varied<T>(Expression<Func<PTuningV2Trainer.Options, T>> option) : IVaried
        where T : struct, IConvertible
    {
        public bool IsWhole => typeof(T) == typeof(int);

        public void Vary<TOptions>(PTuningSweep<TOptions> sweep, IReadOnlyList<double> values)
            where TOptions : PTuningV2Trainer.Options
        {
            // The same property, of the options of the task.
            var parameter = Expression.Parameter(typeof(TOptions));
            var property = Expression.Property(parameter, ((MemberExpression)option.Body).Member.Name);
            sweep.Vary(
                Expression.Lambda<Func<TOptions, T>>(property, parameter),
                [.. values.Select(value => (T)Convert.ChangeType(value, typeof(T), CultureInfo.InvariantCulture))]);
        }
    }

    /// <summary>What <c>--vary</c> says.</summary>
    private sealed record Axis(IVaried? Varied, IReadOnlyList<double> Values, string? Error)
    {
        public static Axis Parse(string text)
        {
            var at = text.IndexOf('=');
            var name = at < 0 ? text : text[..at];
            if (!s_varied.TryGetValue(name, out var varied))
                return new Axis(null, [], $"--vary: '{name}' cannot be varied. Expected one of {string.Join(", ", s_varied.Keys)}.");

            var values = new List<double>();
            foreach (var part in at < 0 ? [] : text[(at + 1)..].Split(','))
            {
                if (!double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || varied.IsWhole && value != Math.Truncate(value))
                    return new Axis(null, [], $"--vary: '{part}' is no {(varied.IsWhole ? "whole " : "")}number. Expected {name}=VALUE,VALUE.");
                values.Add(value);
            }

            return new Axis(varied, values, Error: null);
        }

        public void AddTo<TOptions>(PTuningSweep<TOptions> sweep)
            where TOptions : PTuningV2Trainer.Options => Varied!.Vary(sweep, Values);
    }
}
