using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning.Persistence;

/// <summary>A warning as <c>{"code": "collapsed", "text": "..."}</c>; files from before the first release have only the text.</summary>
internal sealed class TrainingWarningConverter : JsonConverter<TrainingWarning>
{
    public override bool HandleNull => true;

    public override TrainingWarning Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var (code, text) = reader.TokenType == JsonTokenType.String
            ? (null, reader.GetString())
            : JsonSerializer.Deserialize<Fields>(ref reader, options) is { } fields ? (fields.Code, fields.Text) : (null, null);
        return new(
            Enum.GetValues<TrainingWarningCode>().FirstOrDefault(value => NameOf(value) == code),
            text ?? throw new JsonException("A training warning has no text."));
    }

    public override void Write(Utf8JsonWriter writer, TrainingWarning value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, new Fields(NameOf(value.Code), value.Text), options);

    private static string NameOf(TrainingWarningCode code) => JsonNamingPolicy.CamelCase.ConvertName(code.ToString());

    private sealed record Fields(string? Code, string? Text);
}
