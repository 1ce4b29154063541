using System.CommandLine;
using System.CommandLine.Invocation;
using PaperTasks;
using PaperTasks.Sweeps;

// Runs a task of the P-Tuning v2 paper, or a file of your own: trains with one seed after another, evaluates, prints a table.
PointProcess.EndWithSweep();
ParseResult arguments = CommandLine.Create().Parse(args);
if (arguments.Action is ParseErrorAction mistake)
    mistake.ShowHelp = false;

return await arguments.InvokeAsync();
