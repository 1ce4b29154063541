using Microsoft.ML;

// Program ADDRESS   ADDRESS: hf://organisation/name, with or without @revision. The environment names hub, cache and proxy.
// Writes the log to standard error, and the encoder's folder to standard output.
var mlContext = new MLContext();
mlContext.Log += (_, line) => Console.Error.WriteLine(line.Message);
Console.WriteLine(await mlContext.DownloadPTuningBackboneAsync(args[0]));
