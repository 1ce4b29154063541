using System.Globalization;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>Damaged and hostile files of every format: refused by a clear error or loaded, in little time and memory (docs/design/fuzzing.md).</summary>
/// <remarks>
/// <c>PTUNING_FUZZ="PARSER SEED NUMBER"</c> repeats one mutant and keeps its files. <c>PTUNING_FUZZ_SEED</c> is the seed of a run.
/// </remarks>
[TestClass]
[DoNotParallelize]
public sealed class FuzzTests
{
    private const int Few = 60, Many = 10_000, Processes = 2, MostShown = 20;

    private const string One = "PTUNING_FUZZ";

    private static FuzzSeeds s_seeds = null!;

    public static IEnumerable<object[]> Parsers => FuzzedParser.All.Select(parser => new object[] { parser.Name });

    private static int Seed { get; } = int.Parse(Environment.GetEnvironmentVariable("PTUNING_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);

    private static string Found { get; } = Path.Combine(AppContext.BaseDirectory, "Fuzzing", "Found");

    [ClassInitialize]
    public static void WriteSeeds(TestContext _) => s_seeds = new FuzzSeeds();

    [ClassCleanup]
    public static void DeleteSeeds() => s_seeds.Dispose();

    [TestMethod]
    public void Some_mutants_of_every_parser_are_refused_clearly_or_load()
    {
        if (Environment.GetEnvironmentVariable(One)?.Split(' ') is [var parser, var seed, var number])
        {
            Repeat(parser, int.Parse(seed, CultureInfo.InvariantCulture), int.Parse(number, CultureInfo.InvariantCulture));
            return;
        }

        using var process = new FuzzProcess(s_seeds.Path);
        AssertClear([.. FuzzedParser.All.SelectMany(parser => process.Run(parser.Name, Seed, 0, Few))]);
    }

    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(Parsers))]
    public void Ten_thousand_mutants_are_refused_clearly_or_load(string parser)
    {
        var reports = Enumerable.Range(0, Processes).AsParallel().WithDegreeOfParallelism(Processes).SelectMany(part =>
        {
            using var process = new FuzzProcess(s_seeds.Path);
            return process.Run(parser, Seed, part * Many / Processes, (part + 1) * Many / Processes).ToList();
        }).ToList();

        var peak = reports.Max(report => report.MegaBytes);
        Console.WriteLine($"| {parser} | {reports.Count} | {Count(Verdict.Refused)} | {Count(Verdict.Loaded)} | {Count(Verdict.Other)} | {peak} MB |");
        AssertClear(reports);

        int Count(Verdict verdict) => reports.Count(report => report.Verdict == verdict);
    }

    [TestMethod]
    public void Cases_that_were_found_are_refused_clearly_or_load()
    {
        Assert.IsTrue(Directory.Exists(Found), $"The cases are not in '{Found}'.");
        using var process = new FuzzProcess(s_seeds.Path);
        var reports = from parser in Directory.GetDirectories(Found)
                      from folder in Directory.GetDirectories(parser)
                      select process.RunFound(Path.GetFileName(parser), folder);

        AssertClear([.. reports]);
    }

    [TestMethod]
    [DynamicData(nameof(Parsers))]
    public void Seeds_load(string parser)
    {
        var fuzzed = FuzzedParser.All.Single(p => p.Name == parser);
        var variants = Directory.GetDirectories(Path.Combine(s_seeds.Path, parser));

        Assert.IsNotEmpty(variants);
        foreach (var variant in variants)
        {
            using var copy = new Backbones.TemporaryDirectory();
            var mutant = Mutant.Of(variant, Path.Combine(s_seeds.Path, parser), copy.Path);
            Assert.AreEqual(new Judgement(Verdict.Loaded, ""), Judgement.Of(fuzzed, mutant), variant);
        }
    }

    [TestMethod]
    public void A_read_outside_of_a_mutants_folder_is_noticed()
    {
        using var folder = new Backbones.TemporaryDirectory();
        var outside = new Outside(folder.File("outside"));

        Assert.IsNull(outside.Trace());
        if (!outside.IsWatched())
            Assert.Inconclusive($"The file system of '{folder.Path}' does not note when a file is read.");
        Assert.IsNull(outside.Trace());
    }

    private static void Repeat(string parser, int seed, int number)
    {
        using var process = new FuzzProcess(s_seeds.Path, keeps: true);
        var report = process.Run(parser, seed, number, number + 1).Single();
        Console.WriteLine($"{process.Work}\n{report}");
        Assert.AreNotEqual(Verdict.Other, report.Verdict, report.Detail);
    }

    private static void AssertClear(IReadOnlyList<FuzzReport> reports)
    {
        FuzzReport[] others = [.. reports.Where(report => report.Verdict == Verdict.Other)];
        Assert.IsEmpty(others, $"{others.Length} of {reports.Count} mutants.\n" + string.Join('\n', others.Take(MostShown).Select(report =>
            FormattableString.Invariant($"{One}=\"{report.Parser} {Seed} {report.Number}\" ({report.MegaBytes} MB)  {report.Detail}"))));
    }
}
