using System.Text.Json;

namespace Entities;

/// <summary>A line of the data files: a message, and what it names.</summary>
internal sealed class Message
{
    public string Text { get; set; } = "";

    /// <summary>Each as type, first character and the character after its last: <c>CITY 16 25</c>. Empty where nothing is named.</summary>
    public string[] Entities { get; set; } = [];

    /// <summary>Reads a file with one JSON object per line.</summary>
    public static IReadOnlyList<Message> Read(string path) =>
        [.. File.ReadLines(path).Select(line => JsonSerializer.Deserialize<Message>(line, JsonSerializerOptions.Web)!)];
}

/// <summary>What the model finds in a message.</summary>
internal sealed class Finding
{
    /// <summary>In the form of <see cref="Message.Entities"/>, in the order of the text.</summary>
    public string[] Found { get; set; } = [];
}
