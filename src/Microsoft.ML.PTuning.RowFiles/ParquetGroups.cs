using Parquet;
using Parquet.Schema;
using Parquet.Serialization;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Appends row groups to a Parquet file, and reads them.</summary>
/// <param name="output">It can be read and written at any place.</param>
internal sealed class ParquetGroups(Stream output, ParquetSchema schema)
{
    private bool _isBegun;

    /// <param name="rows">Values by column.</param>
    public void Append(IReadOnlyCollection<IDictionary<string, object?>> rows)
    {
        ParquetSerializer.SerializeUntypedAsync(rows, schema, output, new ParquetOptions { Append = _isBegun }).GetAwaiter().GetResult();
        _isBegun = true;
    }

    /// <summary>Writes a file without rows, if none were appended.</summary>
    public void Finish()
    {
        if (!_isBegun)
            Append([]);
    }

    public static ParquetSchema SchemaOf(Stream input) => Read(input, reader => reader.Schema);

    /// <summary>The rows of each group, read when they are asked for.</summary>
    public static IEnumerable<IReadOnlyCollection<IDictionary<string, object?>>> Of(Stream input)
    {
        var groups = Read(input, reader => reader.RowGroupCount);
        for (var group = 0; group < groups; group++)
        {
            var rows = ParquetSerializer.DeserializeUntypedAsync(input, rowGroupIndex: group).GetAwaiter().GetResult().Data;
            yield return [.. rows.Select(row => (IDictionary<string, object?>)row.ToDictionary(value => value.Key, value => Stored(value.Value)))];
        }
    }

    /// <summary>A value as the serializer takes it.</summary>
    public static object? Stored(object? value) => value switch
    {
        byte[] bytes => new ReadOnlyMemory<byte>(bytes),
        string[] texts => texts.Select(text => (ReadOnlyMemory<char>?)text.AsMemory()).ToList(),
        float[] numbers => numbers.ToList(),
        int[] numbers => numbers.ToList(),
        bool[] values => values.ToList(),
        _ => value,
    };

    private static T Read<T>(Stream input, Func<ParquetReader, T> read)
    {
        var reader = ParquetReader.CreateAsync(input, leaveStreamOpen: true).GetAwaiter().GetResult();
        var result = read(reader);
        reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return result;
    }
}
