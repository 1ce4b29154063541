using System.CommandLine;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning export</c>: a model becomes an adapter of PEFT.</summary>
internal sealed class ExportCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The model's zip" };
    private readonly Argument<string> _folder = new("FOLDER") { Description = "The folder to write the adapter to" };
    private readonly Option<string?> _base = new("--base-model") { Description = "What the adapter calls its encoder; else its hub id or folder", HelpName = "NAME" };

    public ExportCommand(ToolConsole console)
        : base("export", "Writes a model as an adapter of PEFT, for Python.", console)
    {
        Arguments.Add(_model);
        Arguments.Add(_folder);
        Options.Add(_base);
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        using var model = LoadedModel.Load(parsed.GetValue(_model)!);
        var folder = parsed.GetValue(_folder)!;
        model.Model.ExportPeft(folder, parsed.GetValue(_base));
        Console.Say($"adapter     {folder}");
        if (model.Model.Classes.Count > 0)
            Console.Say($"classes     {string.Join(", ", model.Model.Classes)} (an adapter does not name them)");
        return new { folder, classes = model.Model.Classes };
    }
}
