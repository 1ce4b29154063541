using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using CsvHelper;
using CsvHelper.Configuration;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tool.Data;

namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>A column that a prediction adds.</summary>
/// <param name="Read">Reads the current row's value: a text, a <see cref="float"/>, a <see cref="bool"/>, an array of them, or a dictionary of scores by class.</param>
internal sealed record PredictedColumn(string Name, IReadOnlyList<string>? Slots, Func<object> Read)
{
    /// <param name="row">A row behind the whole pipeline.</param>
    public static PredictedColumn Of(DataViewRow row, DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType vector)
            return new(column.Name, null, Scalar(row, column));
        if (vector.ItemType is TextDataViewType)
            return new(column.Name, null, Vector<ReadOnlyMemory<char>>(row, column, texts => texts.Select(text => text.ToString()).ToArray()));
        if (vector.ItemType is KeyDataViewType)
            return new(column.Name, null, Vector<uint>(row, column, keys => keys.Select(key => key).ToArray()));
        if (vector.ItemType.RawType == typeof(int))
            return new(column.Name, null, Vector<int>(row, column, numbers => numbers.ToArray()));
        if (vector.ItemType.RawType == typeof(bool))
            return new(column.Name, null, Vector<bool>(row, column, values => values.ToArray()));

        var slots = SlotsOf(column);
        return new(column.Name, slots, Vector<float>(row, column, numbers => numbers.ToArray()));
    }

    private static IReadOnlyList<string>? SlotsOf(DataViewSchema.Column column)
    {
        if (!column.HasSlotNames())
            return null;
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    private static Func<object> Scalar(DataViewRow row, DataViewSchema.Column column) =>
        column.Type is TextDataViewType ? Value<ReadOnlyMemory<char>>(row, column, text => text.ToString())
        : column.Type is BooleanDataViewType ? Value<bool>(row, column, value => value)
        : column.Type.RawType == typeof(uint) ? Value<uint>(row, column, value => (float)value)
        : column.Type.RawType == typeof(int) ? Value<int>(row, column, value => (float)value)
        : Value<float>(row, column, value => value);

    private static Func<object> Value<T>(DataViewRow row, DataViewSchema.Column column, Func<T, object> convert)
    {
        var getter = row.GetGetter<T>(column);
        T value = default!;
        return () =>
        {
            getter(ref value);
            return convert(value);
        };
    }

    private static Func<object> Vector<T>(DataViewRow row, DataViewSchema.Column column, Func<IEnumerable<T>, object> convert)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> values = default;
        return () =>
        {
            getter(ref values);
            return convert(values.DenseValues());
        };
    }
}

/// <summary>Writes predictions, a row after another: the file's own columns, then those that the model adds.</summary>
internal abstract class PredictionWriter : IDisposable
{
    /// <summary>The formats that are written.</summary>
    public const string Formats = "csv, tsv, jsonl";

    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <exception cref="DataException">There is no such format.</exception>
    public static PredictionWriter Create(string format, Stream output, IReadOnlyList<DataColumn> own, IReadOnlyList<PredictedColumn> added) => format switch
    {
        "csv" => new Separated(output, own, added, ","),
        "tsv" => new Separated(output, own, added, "\t"),
        "jsonl" or "ndjson" => new JsonLines(output, own, added),
        _ => throw new DataException($"Predictions are not written as '{format}'. Expected one of {Formats}."),
    };

    /// <summary>Writes a row with the current predictions.</summary>
    public abstract void Write(DataRow row);

    public abstract void Dispose();

    private static string Number(float number) => number.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A class's score is a column of its own, <c>Score.CLASS</c>; lists are joined by spaces.</summary>
    private sealed class Separated : PredictionWriter
    {
        private readonly CsvWriter _csv;
        private readonly StreamWriter _text;
        private readonly IReadOnlyList<DataColumn> _own;
        private readonly IReadOnlyList<PredictedColumn> _added;

        public Separated(Stream output, IReadOnlyList<DataColumn> own, IReadOnlyList<PredictedColumn> added, string separator)
        {
            (_own, _added) = (own, added);
            _text = new StreamWriter(output);
            _csv = new CsvWriter(_text, new CsvConfiguration(CultureInfo.InvariantCulture) { Delimiter = separator, NewLine = "\n" });
            foreach (var column in own)
                _csv.WriteField(column.Name);
            foreach (var column in added)
                foreach (var name in column.Slots?.Select(slot => $"{column.Name}.{slot}") ?? [column.Name])
                    _csv.WriteField(name);
            _csv.NextRecord();
        }

        public override void Write(DataRow row)
        {
            for (var i = 0; i < _own.Count; i++)
                _csv.WriteField(row.Text(i));
            foreach (var column in _added)
            {
                var value = column.Read();
                if (column.Slots is not null)
                    foreach (var score in (float[])value)
                        _csv.WriteField(Number(score));
                else
                    _csv.WriteField(Text(value));
            }

            _csv.NextRecord();
        }

        public override void Dispose()
        {
            _csv.Dispose();
            _text.Dispose();
        }

        private static string Text(object value) => value switch
        {
            string text => text,
            bool truth => truth ? "true" : "false",
            float number => Number(number),
            string[] list => string.Join(' ', list),
            Array list => string.Join(' ', list.Cast<IFormattable>().Select(item => item.ToString(null, CultureInfo.InvariantCulture))),
            _ => value.ToString()!,
        };
    }

    /// <summary>The scores of classes are an object by class.</summary>
    private sealed class JsonLines(Stream output, IReadOnlyList<DataColumn> own, IReadOnlyList<PredictedColumn> added) : PredictionWriter
    {
        private readonly Utf8JsonWriter _json = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

        public override void Write(DataRow row)
        {
            _json.WriteStartObject();
            for (var i = 0; i < own.Count; i++)
            {
                _json.WritePropertyName(own[i].Name);
                JsonSerializer.Serialize(_json, row.Cells[i]);
            }

            foreach (var column in added)
            {
                _json.WritePropertyName(column.Name);
                var value = column.Read();
                if (column.Slots is null)
                {
                    JsonSerializer.Serialize(_json, value);
                    continue;
                }

                _json.WriteStartObject();
                foreach (var (slot, score) in column.Slots.Zip((float[])value))
                    _json.WriteNumber(slot, score);
                _json.WriteEndObject();
            }

            _json.WriteEndObject();
            _json.Flush();
            output.WriteByte((byte)'\n');
            _json.Reset();
        }

        public override void Dispose()
        {
            _json.Dispose();
            output.Dispose();
        }
    }
}
