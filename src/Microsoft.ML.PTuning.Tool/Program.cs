using Microsoft.ML.PTuning.Tool;
using Microsoft.ML.PTuning.Tool.Output;

return await PTuningCommandLine.RunAsync(args, ToolConsole.OfProcess());
