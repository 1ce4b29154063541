using System.CommandLine;
using Microsoft.ML.PTuning.Tool.Output;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning download</c>: an encoder of the Hugging Face hub into the cache that Python has, too.</summary>
internal sealed class DownloadCommand : ToolCommand
{
    private const string Scheme = "hf://";

    private readonly Argument<string> _name = new("NAME") { Description = "OWNER/NAME, optionally with @REVISION: a commit, branch or tag" };

    public DownloadCommand(ToolConsole console)
        : base("download", "Downloads an encoder of the Hugging Face hub into the cache. A download that was cut off goes on.", console) => Arguments.Add(_name);

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        var name = parsed.GetValue(_name)!;
        var address = name.StartsWith(Scheme, StringComparison.Ordinal) ? name : Scheme + name;
        var folder = DownloadDisplay.Show(Console, progress =>
            new MLContext().DownloadPTuningBackboneAsync(address, progress, cancellation).GetAwaiter().GetResult());
        Console.Say($"encoder     {folder}");
        Console.Say($"            ptuning train DATA --backbone {address}");
        return new { address, folder };
    }
}
