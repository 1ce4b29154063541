using System.CommandLine;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Output;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning import</c>: a model of another program becomes one of this.</summary>
internal sealed class ImportCommand : ToolCommand
{
    private delegate PTuningV2Transformer Import(
        MLContext mlContext, string folder, PTuningV2Trainer.Options? options = null, IReadOnlyList<string>? classes = null);

    private static readonly Dictionary<string, Import> s_formats = new()
    {
        ["peft"] = PTuningV2Transformer.ImportPeft,
        ["official"] = PTuningV2Transformer.ImportOfficialCheckpoint,
        ["adapterhub"] = PTuningV2Transformer.ImportAdapterHub,
    };

    private readonly Argument<string> _format = new("FORMAT") { Description = "peft, official (THUDM/P-tuning-v2) or adapterhub" };
    private readonly Argument<string> _folder = new("FOLDER") { Description = "The folder with its files" };
    private readonly Option<string> _output = new("--output", "-o") { Description = "The model's file", HelpName = "FILE", DefaultValueFactory = _ => "model.zip" };
    private readonly Option<string?> _task = new("--task") { Description = $"One of {ToolTask.Names}; else what the files say", HelpName = "NAME" };
    private readonly Option<string[]> _texts = new("--text")
    {
        Description = "The columns to read, as rows will name them; else Text, or Context and Question",
        HelpName = "COLUMN",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<string> _label = new("--label") { Description = "The column with the right answers", HelpName = "COLUMN", DefaultValueFactory = _ => "Label" };
    private readonly Option<string[]> _classes = new("--classes")
    {
        Description = "The names of the classes, in the order of the outputs; else as the files have them",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<string?> _backbone = new("--backbone") { Description = "The encoder: a folder or a hub id; else the one that the files name", HelpName = "NAME" };
    private readonly Option<int?> _maxLength = new("--max-length") { Description = "Tokens per row; longer texts are truncated", HelpName = "N" };

    public ImportCommand(ToolConsole console)
        : base("import", "Makes a model of an adapter of PEFT or AdapterHub, or of a checkpoint of the official code.", console)
    {
        _format.AcceptOnlyFromAmong([.. s_formats.Keys]);
        Arguments.Add(_format);
        Arguments.Add(_folder);
        foreach (var option in (Option[])[_output, _task, _texts, _label, _classes, _backbone, _maxLength])
            Options.Add(option);
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        var mlContext = new MLContext(seed: 1);
        OutputFile.Check(parsed.GetValue(_output)!, page: null, []);
        var import = s_formats[parsed.GetValue(_format)!];
        var folder = parsed.GetValue(_folder)!;
        string[]? classes = parsed.GetValue(_classes) is { Length: > 0 } named ? named : null;
        var task = parsed.GetValue(_task) is { } name ? ToolTask.Named(name) : TaskOf(import, mlContext, folder, parsed.GetValue(_backbone));
        var columns = ColumnsOf(task, parsed.GetValue(_texts) ?? [], parsed.GetValue(_label)!);

        var options = task.Options(columns);
        new TrainingSettings { Backbone = parsed.GetValue(_backbone), MaxLength = parsed.GetValue(_maxLength) }.Apply(options, progress: null, cancellation);
        using var model = import(mlContext, folder, options, classes);
        var rows = new TrainingRows(task, columns, new DataTable(folder, [.. columns.All.Select(column => new DataColumn(column, IsList: false))], []));
        var view = rows.View();
        var before = task.Before(mlContext, columns, model.Classes)?.Fit(view);
        var chain = PipelineTraining.Chain(mlContext, task, before, model, PipelineTraining.Through(before, view));
        var output = parsed.GetValue(_output)!;
        ModelFile.Save(mlContext, chain, view.Schema, output);

        Console.Say($"model       {output}: {task.Name}, {model.Method} over {model.Backbone.Name}; reads {string.Join(" and ", columns.Texts)}");
        if (model.Classes.Count > 0)
            Console.Say($"classes     {string.Join(", ", model.Classes)}");
        return new { model = output, task = task.Name, method = model.Method, encoder = model.Backbone.Name, texts = columns.Texts, label = columns.Label, classes = model.Classes };
    }

    // The files say what they are for; a first import reads it.
    private static ToolTask TaskOf(Import import, MLContext mlContext, string folder, string? backbone)
    {
        if (backbone is not null)
            throw new DataException("With --backbone, name the task as well: --task, one of " + ToolTask.Names + ".");
        using var model = import(mlContext, folder);
        return ToolTask.Of(model);
    }

    private static TaskColumns ColumnsOf(ToolTask task, string[] texts, string label)
    {
        string[] usual = task is AnswersTask ? ["Context", "Question"] : task is ChoicesTask ? ["Text", "Choices"] : ["Text"];
        var read = texts.Length > 0 ? texts : usual;
        task.RequireTexts(read.Length);
        return new TaskColumns(label, read) { AnswerStart = task is AnswersTask ? "AnswerStart" : null };
    }
}
