using System.CommandLine;
using System.CommandLine.Invocation;
using PretrainEncoder;

// Trains a small language model from random weights on a corpus of token ids, and writes it as a folder that Backbone can name.
ParseResult arguments = CommandLine.Create().Parse(args);
if (arguments.Action is ParseErrorAction mistake)
    mistake.ShowHelp = false;

// Ctrl+C ends the training with the step it is in, and what has been learned is written.
return await arguments.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(5) });
