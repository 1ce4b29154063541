using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Benchmarks;
using Microsoft.ML.PTuning.Benchmarks.Rows;
using Microsoft.ML.PTuning.Benchmarks.Serving;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Interop;
using TorchSharp;

if (args is [ChildMeasurement.Argument, ..])
{
    ChildMeasurement.Answer(args[1..]);
    return 0;
}

// Every row is a ratio of two ways of doing the same thing, measured in turn in one process: times differ by machine and hour, ratios hardly.
IBenchmark[] benchmarks =
[
    new TransformVersusPredictionEngine(),
    new TransformVersusRawLoop(),
    new TokenizationShare(),
    new MixedTasks(),
    .. PredictorVersusEngines.Rows,
    .. OnlineBesideBatch.Rows,
    new PlannedVersusPaddedTraining(),
    .. OfficialRecipeTraining.Rows,
    .. OfficialRecipeScoring.Rows,
    .. OfficialPython.Rows,
    .. ShardsVersusThreads.Rows,
    .. BaseShapedRounds.Rows,
    .. TrunkCacheRow.Rows,
    .. GenerationRow.Rows,
    .. SpreadTraining.Rows,
    new LongFit(),
    new FirstPrediction("load-and-first-prediction", "BERT-base shape", () => BaseShapedEncoder.Folder),
    new FirstPrediction("default-load-and-first-prediction", "default encoder", () => null),
    new FirstPrediction("default-load-and-first-prediction-auto", "default encoder", () => null, BackbonePrecision.Auto),
    new SecondProcessMemory(),
    new ModelsMemory(),
    .. PeakMemory.Rows,
    .. NasBert.Rows,
    .. AutoDecisions.Rows,
    new Int8Products(),
    .. Profile.Rows,
    .. OnnxScoring.Rows,
    new AutoTraining(),
    .. EmbeddingLbfgs.Rows,
    new MappedModelSteps(),
    new Soak(),
    .. ServingBenchmarks.Rows,
];

var name = new Argument<string?>("name")
{
    Description = "The benchmark to run, or the first words of several (default: all but soak and serving).",
    Arity = ArgumentArity.ZeroOrOne,
};
var list = new Option<bool>("--list") { Description = "Tell what there is to run, and what each compares." };
var json = new Option<FileInfo?>("--json") { Description = "Also write the rows to this file.", HelpName = "FILE" };
var threads = new Option<int>("--threads")
{
    Description = "Cores that all threads together may use (default: all).",
    HelpName = "N",
    DefaultValueFactory = _ => Environment.ProcessorCount,
};
name.Validators.Add(argument =>
{
    if (argument.GetValueOrDefault<string?>() is { } asked && !benchmarks.Any(benchmark => IsAsked(benchmark, asked)))
        argument.AddError($"There is no benchmark '{asked}', only: {string.Join(", ", benchmarks.Select(benchmark => benchmark.Name))}.");
});
threads.Validators.Add(option =>
{
    if (option.GetValueOrDefault<int>() is var asked && (asked < 1 || asked > Environment.ProcessorCount))
        option.AddError($"--threads takes a number from 1 to {Environment.ProcessorCount}, this machine's cores.");
});

var command = new RootCommand("Side-by-side measurements, as ratios taken in one run.") { name, list, json, threads };
command.SetAction(line =>
{
    var selected = benchmarks.Where(benchmark => line.GetValue(name) is not { } asked || IsAsked(benchmark, asked));
    if (line.GetValue(list))
    {
        foreach (var benchmark in selected)
            Console.WriteLine($"{benchmark.Name,-38} {Row.KindName(benchmark.Kind),-9} {benchmark.Comparison}");
        return 0;
    }
    if (line.GetValue(threads) < Environment.ProcessorCount)
        return CoreLimit.RunUnder(line.GetValue(threads), args);

    Run(selected.Where(benchmark => !benchmark.OnlyByName || line.GetValue(name) is not null), line.GetValue(threads), line.GetValue(json));
    return 0;
});

var parsed = command.Parse(args);
var code = parsed.Invoke();
return parsed.Errors.Count > 0 ? 2 : code;

static bool IsAsked(IBenchmark benchmark, string asked) => $"{benchmark.Name}-".StartsWith($"{asked}-", StringComparison.Ordinal);

static void Run(IEnumerable<IBenchmark> selected, int threads, FileInfo? json)
{
    Console.WriteLine($"{Processor.Name}, {CoreLimit.MachineCores} cores; {threads} threads");
    Console.WriteLine($"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}");
    Console.WriteLine($".NET {Environment.Version}, ML.NET {VersionOf(typeof(MLContext))}, TorchSharp {VersionOf(typeof(torch))}");
    Console.WriteLine("ratio: the median over pairs of runs; low and high: the least and the greatest of them; medians: in absolute numbers");
    Console.WriteLine("speed-up: times as fast; time, memory, size: times as long, as much, as many bytes; share: part of the whole; --list says of what");
    Console.WriteLine();
    Console.WriteLine(Row.Header);

    TorchNative.EnsureLoaded();
    torch.set_num_threads(threads);
    var rows = new List<Row>();
    foreach (var benchmark in selected)
    {
        if (benchmark.Obstacle is { } obstacle)
        {
            Console.WriteLine($"{benchmark.Name,-38} not measured: {obstacle}");
            continue;
        }
        rows.Add(Row.Of(benchmark, threads, benchmark.Measure(threads)));
        Console.WriteLine(rows[^1]);
    }

    if (json is not null)
        Row.Write(rows, json);
}

static string VersionOf(Type type) =>
    type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
