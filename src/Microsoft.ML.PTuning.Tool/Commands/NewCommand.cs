using System.CommandLine;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Projects;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning new</c>: a .NET project that uses a model, ready to run.</summary>
internal sealed class NewCommand : ToolCommand
{
    private readonly Argument<string> _kind = new("KIND") { Description = $"One of {ProjectKinds.Names}" };
    private readonly Argument<string> _model = new("MODEL") { Description = "The model's zip; it is copied into the project" };
    private readonly Option<string?> _name = new("--name") { Description = "The project's and class's name; else the model's", HelpName = "NAME" };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "The project's folder; else one with its name, in this folder", HelpName = "FOLDER" };
    private readonly Option<string> _data = new("--data")
    {
        Description = "Rows to train with again; the project's code names the file",
        HelpName = "FILE",
        DefaultValueFactory = _ => "data.tsv",
    };

    public NewCommand(ToolConsole console)
        : base("new", "Writes a .NET project that uses a model, ready to run.", console)
    {
        _kind.AcceptOnlyFromAmong([.. ProjectKinds.All.Select(kind => kind.Name)]);
        Arguments.Add(_kind);
        Arguments.Add(_model);
        foreach (var option in (Option[])[_name, _output, _data])
            Options.Add(option);
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        var kind = ProjectKinds.All.Single(kind => kind.Name == parsed.GetValue(_kind));
        using var model = LoadedModel.Load(parsed.GetValue(_model)!);
        var name = ModelClass.Identifier(parsed.GetValue(_name) ?? Capitalised(Path.GetFileNameWithoutExtension(model.Path)));
        var folder = parsed.GetValue(_output) ?? name;
        var described = Describe(name, model, parsed.GetValue(_data)!);
        ProjectKinds.Write(kind, described, folder);

        Console.Say($"{kind.Name} project in {folder}:");
        foreach (var file in Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal))
            Console.Say($"  {file}");
        Console.Say("");
        Console.Say($"cd {folder}");
        Console.Say(kind.Start(described));
        return new { kind = kind.Name, folder, name, files = Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal) };
    }

    private ModelClass Describe(string name, LoadedModel model, string data)
    {
        if (!File.Exists(data))
            return new ModelClass(name, $"{name}App", model, data, []);

        using var reader = new DataFile(data, new ReadingOptions { Note = Console.Note }).Open();
        var described = new ModelClass(name, $"{name}App", model, Path.GetFullPath(data), [.. reader.Columns.Select(column => column.Name)]);
        return reader is SeparatedReader separated ? described with { Delimiter = separated.Separator } : described;
    }

    private static string Capitalised(string name) => name.Length == 0 ? "Model" : char.ToUpperInvariant(name[0]) + name[1..];
}
