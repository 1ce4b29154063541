using System.Text.Json;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Questions with their answers in passages, as SQuAD has them: a row per question, with its first answer.</summary>
internal sealed class SquadReader : IRowReader
{
    public const string Context = "context";
    public const string Question = "question";
    public const string Answer = "answer";
    public const string AnswerStart = "answer_start";

    private readonly string _file;
    private readonly ReadingOptions _options;
    private readonly JsonDocument _document;

    public SquadReader(Stream stream, string file, ReadingOptions options)
    {
        (_file, _options) = (file, options);
        using var text = TextStream.Open(stream, options.Encoding, out _);
        try
        {
            _document = JsonDocument.Parse(text.ReadToEnd());
        }
        catch (JsonException e)
        {
            throw new DataException($"{file} is no JSON: {e.Message} For an object per line, use --format jsonl.");
        }

        if (_document.RootElement.ValueKind != JsonValueKind.Object || !_document.RootElement.TryGetProperty("data", out _))
            throw new DataException($"{file} has no property 'data', so it is not in the format of SQuAD. For an object per line, use --format jsonl.");
    }

    public IReadOnlyList<DataColumn> Columns { get; } =
        [new(Context, IsList: false), new(Question, IsList: false), new(Answer, IsList: false), new(AnswerStart, IsList: false)];

    public IEnumerable<DataRow> Rows()
    {
        long number = 0;
        foreach (var article in Items(_document.RootElement, "data"))
        {
            foreach (var paragraph in Items(article, "paragraphs"))
            {
                var context = Text(paragraph, "context");
                foreach (var question in Items(paragraph, "qas"))
                {
                    number++;
                    if (RowOf(number, context, question) is { } row)
                        yield return row;
                }
            }
        }
    }

    public void Dispose() => _document.Dispose();

    private DataRow? RowOf(long number, string? context, JsonElement question)
    {
        if (context is null || Text(question, "question") is not { } asked)
        {
            _options.Broken.Add(_file, number, "the question or its context is missing (lines are questions here).");
            return null;
        }

        var answer = Items(question, "answers").FirstOrDefault();
        if (answer.ValueKind != JsonValueKind.Object)
            return new DataRow(number, [context, asked, "", "-1"]);

        var start = answer.TryGetProperty("answer_start", out var place) && place.TryGetInt32(out var index) ? index : -1;
        var text = Text(answer, "text") ?? "";
        if (CharactersBefore(context, start) is not { } characters)
        {
            _options.Broken.Add(_file, number, $"the answer begins at {start}, beyond its context (lines are questions here).");
            return null;
        }

        return new DataRow(number, [context, asked, text, characters.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
    }

    // The format counts code points, .NET counts UTF-16 units.
    private static int? CharactersBefore(string context, int codePoints)
    {
        var at = 0;
        for (var i = 0; i < codePoints; i++)
        {
            if (at >= context.Length)
                return null;
            at += char.IsHighSurrogate(context[at]) && at + 1 < context.Length ? 2 : 1;
        }

        return codePoints < 0 ? null : at;
    }

    private static IEnumerable<JsonElement> Items(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : [];

    private static string? Text(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
}
