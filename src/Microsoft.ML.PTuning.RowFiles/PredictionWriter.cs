using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using CsvHelper;
using CsvHelper.Configuration;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Writes predictions, a row after another: the file's own columns, then those that the model adds.</summary>
internal abstract class PredictionWriter : IDisposable
{
    /// <summary>The formats that are written.</summary>
    public const string Formats = "csv, tsv, jsonl, parquet";

    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <exception cref="DataException">There is no such format.</exception>
    /// <param name="columns">The columns of the file.</param>
    /// <param name="own">The places of those that are written.</param>
    /// <param name="between">What stands between the items of a list, where a row has one field for it.</param>
    public static PredictionWriter Create(
        string format, Stream output, IReadOnlyList<DataColumn> columns, IReadOnlyList<int> own, IReadOnlyList<PredictedColumn> added, string between) => format switch
    {
        "csv" => new Separated(output, columns, own, added, between, isTabbed: false),
        "tsv" => new Separated(output, columns, own, added, between, isTabbed: true),
        "jsonl" or "ndjson" => new JsonLines(output, columns, own, added),
        "parquet" => new ParquetPredictions(output, columns, own, added),
        _ => throw new DataException($"Predictions are not written as '{format}'. Expected one of {Formats}."),
    };

    /// <summary>Writes a row with the current predictions.</summary>
    public abstract void Write(DataRow row);

    public abstract void Dispose();

    private static string Number(float number) => number.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A class's score is a column of its own, <c>Score.CLASS</c>. Between tabs, quotes are ordinary characters, as for the reader.</summary>
    private sealed class Separated : PredictionWriter
    {
        private readonly CsvWriter _csv;
        private readonly StreamWriter _text;
        private readonly IReadOnlyList<int> _own;
        private readonly IReadOnlyList<PredictedColumn> _added;
        private readonly string _between;
        private readonly bool _isTabbed;

        public Separated(
            Stream output, IReadOnlyList<DataColumn> columns, IReadOnlyList<int> own, IReadOnlyList<PredictedColumn> added, string between, bool isTabbed)
        {
            (_own, _added, _between, _isTabbed) = (own, added, between, isTabbed);
            _text = new StreamWriter(output);
            _csv = new CsvWriter(_text, new CsvConfiguration(CultureInfo.InvariantCulture)
            {
                Delimiter = isTabbed ? "\t" : ",",
                Mode = isTabbed ? CsvMode.NoEscape : CsvMode.RFC4180,
                NewLine = "\n",
            });
            foreach (var place in own)
                Field(columns[place].Name);
            foreach (var column in added)
                foreach (var name in column.Slots?.Select(slot => $"{column.Name}.{slot}") ?? [column.Name])
                    Field(name);
            _csv.NextRecord();
        }

        public override void Write(DataRow row)
        {
            foreach (var place in _own)
                Field(row.Text(place));
            foreach (var column in _added)
            {
                var value = column.Read();
                if (column.Slots is not null)
                    foreach (var score in (float[])value)
                        Field(Number(score));
                else
                    Field(Text(value));
            }

            _csv.NextRecord();
        }

        public override void Dispose()
        {
            _csv.Dispose();
            _text.Dispose();
        }

        private void Field(string text) => _csv.WriteField(_isTabbed ? text.ReplaceLineEndings(" ").Replace('\t', ' ') : text);

        private string Text(object value) => value switch
        {
            string text => text,
            bool truth => truth ? "true" : "false",
            float number => Number(number),
            string[] list => string.Join(_between, list),
            Array list => string.Join(' ', list.Cast<IFormattable>().Select(item => item.ToString(null, CultureInfo.InvariantCulture))),
            _ => value.ToString()!,
        };
    }

    /// <summary>The scores of classes are an object by class.</summary>
    private sealed class JsonLines(Stream output, IReadOnlyList<DataColumn> columns, IReadOnlyList<int> own, IReadOnlyList<PredictedColumn> added) : PredictionWriter
    {
        // A score that is no number is "NaN".
        private static readonly JsonSerializerOptions s_named = new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

        private readonly HashSet<string> _ownNames = [.. own.Select(place => columns[place].Name)];
        private readonly Utf8JsonWriter _json = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

        public override void Write(DataRow row)
        {
            _json.WriteStartObject();
            WriteOwn(row);

            foreach (var column in added)
            {
                _json.WritePropertyName(column.Name);
                var value = column.Read();
                if (column.Slots is null)
                {
                    JsonSerializer.Serialize(_json, value, s_named);
                    continue;
                }

                _json.WriteStartObject();
                foreach (var (slot, score) in column.Slots.Zip((float[])value))
                {
                    _json.WritePropertyName(slot);
                    JsonSerializer.Serialize(_json, score, s_named);
                }

                _json.WriteEndObject();
            }

            _json.WriteEndObject();
            _json.Flush();
            output.WriteByte((byte)'\n');
            _json.Reset();
        }

        // Numbers stay numbers where the row was JSON.
        private void WriteOwn(DataRow row)
        {
            if (row.Json is null)
            {
                foreach (var place in own)
                {
                    _json.WritePropertyName(columns[place].Name);
                    JsonSerializer.Serialize(_json, row.Cells[place]);
                }

                return;
            }

            using var document = JsonDocument.Parse(row.Json);
            foreach (var property in document.RootElement.EnumerateObject())
                if (_ownNames.Contains(property.Name))
                    property.WriteTo(_json);
        }

        public override void Dispose()
        {
            _json.Dispose();
            output.Dispose();
        }
    }
}
