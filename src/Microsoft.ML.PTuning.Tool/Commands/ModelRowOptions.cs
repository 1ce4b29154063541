using System.CommandLine;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary>The options that say which columns of a file are those of a model.</summary>
internal sealed class ModelRowOptions
{
    private readonly Option<string?> _label = new("--label") { Description = "The file's column with the right answers; else the one that the model learned", HelpName = "COLUMN" };
    private readonly Option<string[]> _texts = Texts();

    /// <summary>The option that names the columns to read.</summary>
    public static Option<string[]> Texts() =>
        new("--text") { Description = "The file's columns to read, in the model's order; else those with the model's names", HelpName = "COLUMN" };

    public void AddTo(IList<Option> options)
    {
        options.Add(_label);
        options.Add(_texts);
    }

    /// <summary>Labelled rows, under the model's column names.</summary>
    /// <exception cref="DataException">A column is missing.</exception>
    public TrainingRows Read(ParseResult parsed, LoadedModel model, DataTable table, ReadingOptions reading)
    {
        var columns = model.Columns;

        string[] texts = parsed.GetValue(_texts) is { Length: > 0 } named ? named : [.. model.Reads];
        if (texts.Length != model.Reads.Count)
            throw model.WrongTexts(texts.Length);
        var found = texts.Append(parsed.GetValue(_label) ?? columns.Label).Concat(columns.All.Skip(texts.Length + 1)).ToList();
        int[] places = [.. found.Select(table.IndexOf)];
        var names = columns.All.ToList();
        var renamed = new DataTable(
            table.Name,
            [.. places.Select((place, i) => table.Columns[place] with { Name = names[i] })],
            [.. table.Rows.Select(row => row with { Cells = [.. places.Select(place => row.Cells[place])] })]);
        return TrainingRows.Of(renamed, model.Task, columns, reading, model.Task.HasNames ? model.Model.Classes : null);
    }
}
