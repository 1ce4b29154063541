using Microsoft.ML.PTuning.Tool.Data;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>Rows of a task: its columns alone, with labels that are checked and spelled alike.</summary>
/// <param name="Table">Its columns are those of <see cref="TaskColumns.All"/>, in that order.</param>
internal sealed record TrainingRows(ToolTask Task, TaskColumns Columns, DataTable Table)
{
    /// <summary>The place of the label.</summary>
    public int Label => Columns.Texts.Count;

    /// <param name="known">The classes of a model, whose spelling counts; null for the most frequent spelling of each class in the table.</param>
    /// <param name="isExact">Whether names are taken as they stand.</param>
    public static TrainingRows Of(
        DataTable table, ToolTask task, TaskColumns columns, ReadingOptions options, IReadOnlyList<string>? known = null, bool isExact = false)
    {
        int[] places = [.. columns.All.Select(table.IndexOf)];
        var label = columns.Texts.Count;
        var rows = new List<DataRow>();
        foreach (var row in table.Rows)
        {
            object?[] cells = [.. places.Select(place => row.Cells[place])];
            cells[label] = isExact ? cells[label] : task.ReadLabel(cells[label]);
            var read = new DataRow(row.Line, cells);
            if (task.Misfit(read, label) is { } misfit)
                options.Broken.Add(table.Name, row.Line, misfit);
            else
                rows.Add(read);
        }

        if (task.HasNames && !isExact)
            SpellAlike(rows, label, known, table.Name, options.Note);
        return new(task, columns, new DataTable(table.Name, [.. places.Select(place => table.Columns[place])], rows));
    }

    /// <summary>Rows with a label, for ML.NET.</summary>
    public IDataView View(DataTable? part = null)
    {
        var rows = (part ?? Table).Rows;
        var views = new List<ViewColumn>();
        for (var i = 0; i < Columns.Texts.Count; i++)
            views.Add(new ViewColumn(Columns.Texts[i], i, Task.TextType(i)));
        views.Add(new ViewColumn(Columns.Label, Label, Task.LabelType));
        if (Columns.AnswerStart is not null)
            views.Add(new ViewColumn(Columns.AnswerStart, Label + 1, CellType.Index));
        return new RowView(views, () => rows, Table.Name);
    }

    /// <summary>Holds out rows at random, the same share of each class where there are classes.</summary>
    /// <param name="share">Between 0 and 1, both excluded.</param>
    public (DataTable Training, DataTable Held) HoldOut(double share, int seed)
    {
        var random = new Random(seed);
        var held = new HashSet<DataRow>(ReferenceEqualityComparer.Instance);
        var groups = Task.HasNames ? Table.Rows.GroupBy(row => row.Text(Label)) : Table.Rows.GroupBy(_ => "");
        foreach (var group in groups.OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            var rows = group.ToArray();
            random.Shuffle(rows);
            // A class with one row stays in training.
            held.UnionWith(rows.Take(rows.Length == 1 ? 0 : Math.Max(Task.HasNames ? 1 : 0, (int)Math.Round(rows.Length * share))));
        }

        return (Table.With(Table.Rows.Where(row => !held.Contains(row))), Table.With(Table.Rows.Where(held.Contains)));
    }

    /// <summary>Rows per class, the most frequent first; empty for tasks without classes.</summary>
    public IReadOnlyList<(string Class, int Rows)> Classes() => !Task.HasNames ? [] :
        [.. Table.Rows.GroupBy(row => row.Text(Label)).Select(group => (group.Key, group.Count())).OrderByDescending(entry => entry.Item2).ThenBy(entry => entry.Key)];

    private static void SpellAlike(List<DataRow> rows, int label, IReadOnlyList<string>? known, string file, Action<string> note)
    {
        var counts = rows.GroupBy(row => row.Text(label)).ToDictionary(group => group.Key, group => group.Count());
        var spelling = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in known ?? [.. counts.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => entry.Key)])
            spelling.TryAdd(name, name);

        foreach (var (name, count) in counts.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            if (spelling.TryGetValue(name, out var right) && right != name && known?.Contains(name) != true)
                note($"{file}: the label '{name}' ({count} {(count == 1 ? "row" : "rows")}) is read as '{right}'; --exact-labels keeps it apart.");
        foreach (var row in rows)
            if (spelling.TryGetValue(row.Text(label), out var right) && known?.Contains(row.Text(label)) != true)
                row.Cells[label] = right;
    }
}
