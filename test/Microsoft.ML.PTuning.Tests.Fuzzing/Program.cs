using System.Globalization;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Fuzzing;

// Program SEEDS WORK [keep]   SEEDS: a folder a parser, in it a folder a variant. WORK: an empty folder.
// Then commands, a line each, on standard input:
//   PARSER SEED FIRST END      makes the mutants with the numbers from FIRST to END, not counted, and loads each
//   PARSER found FOLDER        loads a case that was found: a folder VARIANT__WHAT
// It says "ready" at first, "start NUMBER" before each, and "NUMBER VERDICT MEGABYTES DETAIL" behind it; "done" behind a command.
var (seeds, work) = (args[0], args[1]);
var keeps = args.Length > 2;
TorchNative.EnsureLoaded();
var outside = new Outside(Path.Combine(work, "outside"));
Console.WriteLine("ready");
while (Console.ReadLine()?.Split(' ', 4) is [var name, var seed, ..] command)
{
    var parser = FuzzedParser.All.Single(parser => parser.Name == name);
    var folder = Path.Combine(seeds, name);
    if (seed == "found")
        Run(parser, 0, Mutant.Of(string.Join(' ', command[2..]), folder, Path.Combine(work, "found")));
    else
        for (var number = Integer(command[2]); number < Integer(command[3]); number++)
            Run(parser, number, Mutant.Make(parser, folder, Path.Combine(work, $"mutant-{number}"), Integer(seed), number, outside));
    Console.WriteLine("done");
}

return 0;

void Run(FuzzedParser parser, int number, Mutant mutant)
{
    Console.WriteLine($"start {number}");
    PeakMemory.Begin();
    var judgement = Judgement.Of(parser, mutant);
    if (outside.Trace() is { } trace)
        judgement = new(Verdict.Other, $"It read '{trace}', outside of its folder. {judgement.Detail}");
    if (!keeps)
        Directory.Delete(mutant.Folder, recursive: true);
    Console.WriteLine($"{number} {judgement.Verdict} {PeakMemory.MegaBytes()} {mutant.Variant}/{mutant.File}: {judgement.Detail}");
}

int Integer(string text) => int.Parse(text, CultureInfo.InvariantCulture);
