using System.Globalization;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tool.Tasks;
using Spectre.Console;

namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>Tables for people, in 80 columns.</summary>
internal static class Tables
{
    private const int MostClasses = 12;

    /// <summary>What is about to be trained, before anything runs.</summary>
    public static void ShowPlan(this ToolConsole console, DataFile file, DataTable table, TrainingRows rows, string split)
    {
        var texts = string.Join(" and ", rows.Columns.Texts.Select(name => $"'{name}'"));
        console.Say(Invariant($"{file.Name}: {table.Rows.Count:N0} rows ({file.Format}), columns {DataTable.Names(table.Columns)}"));
        console.Say($"task        {rows.Task.Name}: reads {texts}, learns '{rows.Columns.Label}'");
        var classes = rows.Classes();
        if (classes.Count > 0)
        {
            var more = classes.Count > MostClasses ? $", and {classes.Count - MostClasses} more" : "";
            console.Say($"classes     {classes.Count}: {string.Join(", ", classes.Take(MostClasses).Select(entry => $"{entry.Class} ({entry.Rows})"))}{more}");
        }

        if (rows.Table.Rows.Count < table.Rows.Count)
            console.Say(Invariant($"left out    {table.Rows.Count - rows.Table.Rows.Count:N0} rows without a usable label"));
        console.Say($"split       {split}");
        console.Say("");
    }

    /// <summary>Metrics, beside those of the yardstick.</summary>
    public static void ShowMetrics(this ToolConsole console, string name, Measurement measured, Measurement? yardstick)
    {
        var table = new Table().AddColumn("").AddColumn(new TableColumn(Markup.Escape(name)).RightAligned());
        if (yardstick is not null)
            table.AddColumn(new TableColumn(Yardstick.Name).RightAligned());
        foreach (var (metric, value) in measured.Metrics)
        {
            string[] cells = yardstick is null ? [metric, Number(value)] : [metric, Number(value), yardstick.Metrics.Where(m => m.Name == metric).Select(m => Number(m.Value)).FirstOrDefault() ?? ""];
            table.AddRow([.. cells.Select(Markup.Escape)]);
        }

        console.Messages.Write(table);
        if (measured.Table is not null)
            console.Say(measured.Table);
    }

    public static string Number(double value) => value.ToString("F3", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
