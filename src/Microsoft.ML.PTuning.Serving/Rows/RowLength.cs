using System.Text.Json;

namespace Microsoft.ML.PTuning.Serving.Rows;

/// <summary>Counts the characters of a row, before anything is made of them.</summary>
internal static class RowLength
{
    /// <exception cref="PTuningRowException">The texts of the row have more characters than are allowed.</exception>
    public static void Check(JsonElement row, int most)
    {
        var count = Count(row);
        if (count > most)
            throw new PTuningRowException($"The row's texts have {count} characters; at most {most} are allowed (MaxRowCharacters).", isTooLong: true);
    }

    private static long Count(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!.Length,
        JsonValueKind.Array => value.EnumerateArray().Sum(Count),
        JsonValueKind.Object => value.EnumerateObject().Sum(property => Count(property.Value)),
        _ => 0,
    };
}
