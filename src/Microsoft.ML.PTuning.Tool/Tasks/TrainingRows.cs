using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>Rows of a task: its columns alone, with labels that are checked and spelled alike.</summary>
/// <param name="Table">Its columns are those of <see cref="TaskColumns.All"/>, in that order.</param>
internal sealed record TrainingRows(ToolTask Task, TaskColumns Columns, DataTable Table)
{
    /// <summary>Stops whoever reads a view of them.</summary>
    public CancellationToken Cancellation { get; init; }

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
            cells[label] = task.ReadLabel(cells[label], isExact || cells[label] is string raw && known?.Contains(raw) == true);
            var read = new DataRow(row.Line, cells);
            if (task.Misfit(read, label) is { } misfit)
                options.Broken.Add(table.Name, row.Line, misfit);
            else
                rows.Add(read);
        }

        if (task.HasNames && !isExact)
            SpellAlike(rows, label, known, table.Name, options.Note);
        if (task is ClassificationTask && known is not null)
            rows.RemoveAll(IsUnknown);
        return new(task, columns, new DataTable(table.Name, [.. places.Select(place => table.Columns[place])], rows)) { Cancellation = options.Cancellation };

        bool IsUnknown(DataRow row)
        {
            var isUnknown = !known!.Contains(row.Text(label));
            if (isUnknown)
                options.Broken.Add(table.Name, row.Line, $"the model does not know the class '{row.Text(label)}'.");
            return isUnknown;
        }
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
        return new RowView(views, () => rows, Table.Name, Cancellation);
    }

    /// <summary>Holds out rows at random, the same share of each class where there are classes.</summary>
    /// <param name="share">Between 0 and 1, both excluded.</param>
    public (DataTable Training, DataTable Held) HoldOut(double share, int seed)
    {
        var random = new Random(seed);
        var held = new HashSet<DataRow>(ReferenceEqualityComparer.Instance);
        var haveClasses = Task.LabelType is CellType.Truth || Task is ClassificationTask;
        var groups = Table.Rows.GroupBy(row => haveClasses ? row.Text(Label) : "");
        foreach (var group in groups.OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            var rows = group.ToArray();
            random.Shuffle(rows);
            // Of each class, a row at least is learned.
            held.UnionWith(rows.Take(Math.Min(rows.Length - 1, Math.Max(haveClasses ? 1 : 0, (int)Math.Round(rows.Length * share)))));
        }

        return (Table.With(Table.Rows.Where(row => !held.Contains(row))), Table.With(Table.Rows.Where(held.Contains)));
    }

    /// <summary>Rows per class, the most frequent first; empty for tasks without classes.</summary>
    public IReadOnlyList<(string Class, int Rows)> Classes() => !Task.HasNames ? [] :
        [.. Table.Rows.SelectMany(row => NamesOf(row, Label)).GroupBy(name => name).Select(group => (group.Key, group.Count())).OrderByDescending(entry => entry.Item2).ThenBy(entry => entry.Key)];

    private static IEnumerable<string> NamesOf(DataRow row, int label) => row.Cells[label] is string[] names ? names : [row.Text(label)];

    private static void SpellAlike(List<DataRow> rows, int label, IReadOnlyList<string>? known, string file, Action<string> note)
    {
        var counts = rows.SelectMany(row => NamesOf(row, label)).GroupBy(name => name).ToDictionary(group => group.Key, group => group.Count());
        var exact = known?.ToHashSet() ?? [];
        var spelling = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in known ?? [.. counts.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => entry.Key)])
            spelling.TryAdd(name, name);

        foreach (var (name, count) in counts.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            if (Spelled(name) != name)
                note($"{file}: the label '{name}' ({count} {(count == 1 ? "row" : "rows")}) is read as '{Spelled(name)}'; --exact-labels keeps it apart.");
        foreach (var row in rows)
            row.Cells[label] = row.Cells[label] is string[] names ? names.Select(Spelled).ToArray() : Spelled(row.Text(label));

        string Spelled(string name) => exact.Contains(name) || !spelling.TryGetValue(name, out var right) ? name : right;
    }
}
