using Microsoft.ML.PTuning.Tool;
using Microsoft.ML.PTuning.Tool.Output;

return await CommandLine.RunAsync(args, ToolConsole.OfProcess());
