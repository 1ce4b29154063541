using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Mvc;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>The answer to a line of a stream.</summary>
/// <param name="Number">The line's, from 1.</param>
/// <param name="Prediction">Null if there is a problem.</param>
/// <param name="Problem">Null if the row was predicted.</param>
internal sealed record AnswerLine(long Number, JsonObject? Prediction, ProblemDetails? Problem)
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <returns>The number of bytes.</returns>
    public long Write(IBufferWriter<byte> output)
    {
        using var json = new Utf8JsonWriter(output, Plain);
        json.WriteStartObject();
        json.WriteNumber("line", Number);
        if (Problem is not null)
        {
            json.WritePropertyName("problem");
            JsonSerializer.Serialize(json, Problem);
        }
        else
        {
            json.WritePropertyName("prediction");
            Prediction!.WriteTo(json);
        }
        json.WriteEndObject();
        json.Flush();
        output.Write("\n"u8);
        return json.BytesCommitted + 1;
    }
}
