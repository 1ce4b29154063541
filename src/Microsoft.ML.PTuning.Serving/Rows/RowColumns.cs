using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Serving.Rows;

/// <summary>The columns of the rows that models read from JSON.</summary>
internal sealed class RowColumns
{
    private readonly DataViewSchema _schema;
    private readonly ColumnKind?[] _kinds; // Null for columns of the training rows that no prediction reads.
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _placesInAnyCase = new(StringComparer.OrdinalIgnoreCase);

    private RowColumns(DataViewSchema schema, ColumnKind?[] kinds)
    {
        (_schema, _kinds) = (schema, kinds);
        foreach (var column in schema.Where(column => !column.IsHidden))
        {
            _places[column.Name] = column.Index;
            _placesInAnyCase.TryAdd(column.Name, column.Index);
        }
        DataViewSchema.Column[] read = [.. schema.Where(column => kinds[column.Index] is not null)];
        Inputs = read.ToDictionary(column => column.Name, column => kinds[column.Index]!.Name);
        SingleText = read.Where(column => column.Type is TextDataViewType).Select(column => column.Name).ToArray() is [var text] ? text : null;
        Key = string.Join('\n', schema.Select(column => $"{column.Name}\t{column.Type}\t{kinds[column.Index]?.Name}"));
    }

    /// <summary>Equal for equal columns.</summary>
    public string Key { get; }

    /// <summary>What the columns that are read hold, by their names.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; }

    /// <summary>The only column of text that is read; null if there is another number of them.</summary>
    public string? SingleText { get; }

    /// <param name="training">The columns of the training rows.</param>
    /// <param name="read">The names of those that predictions read.</param>
    /// <exception cref="InvalidDataException">JSON cannot give a column that is read.</exception>
    public static RowColumns Of(DataViewSchema training, IReadOnlySet<string> read)
    {
        var schema = new DataViewSchema.Builder();
        var kinds = new List<ColumnKind?>();
        foreach (var column in training.Where(column => !column.IsHidden))
        {
            schema.AddColumn(column.Name, column.Type);
            kinds.Add(!read.Contains(column.Name) ? null : ColumnKind.Of(column.Type)
                ?? throw new InvalidDataException($"The model reads a column '{column.Name}' of {column.Type}, which JSON cannot give."));
        }
        return new RowColumns(schema.ToSchema(), [.. kinds]);
    }

    /// <summary>Whether predictions read a property, or know it from the training rows.</summary>
    public bool Knows(string property) => _placesInAnyCase.ContainsKey(property);

    /// <summary>Reads an object. Properties are found in any case. Columns that are only in the training rows may be there, and are not read.</summary>
    /// <param name="isOthers">Whether another model of the same call reads a property that this one does not know.</param>
    /// <exception cref="PTuningRowException">A column is missing, unknown, or of another type.</exception>
    public JsonRow Read(JsonElement row, Predicate<string> isOthers)
    {
        if (row.ValueKind != JsonValueKind.Object)
            throw new PTuningRowException($"Expected an object with {Expected}; found {row.ValueKind.ToString().ToLowerInvariant()}.");

        var values = new object?[_schema.Count];
        foreach (var property in row.EnumerateObject())
        {
            if (!_places.TryGetValue(property.Name, out var place) && !_placesInAnyCase.TryGetValue(property.Name, out place))
            {
                if (!isOthers(property.Name))
                    throw new PTuningRowException($"There is no column '{property.Name}'. Expected {Expected}.", property.Name);
                continue;
            }
            if (_kinds[place] is { } kind)
                values[place] = kind.Read(property.Value)
                    ?? throw new PTuningRowException(
                        $"'{property.Name}' must be {kind.Name}; found {property.Value.ValueKind.ToString().ToLowerInvariant()}.", property.Name);
        }

        foreach (var column in _schema)
            if (_kinds[column.Index] is { } kind && values[column.Index] is null)
                throw new PTuningRowException($"'{column.Name}' ({kind.Name}) is missing. Expected {Expected}.", column.Name);
        return new JsonRow(_schema, values);
    }

    private string Expected => string.Join(", ", Inputs.Select(input => $"'{input.Key}' ({input.Value})"));
}
