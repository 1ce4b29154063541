namespace PaperTasks.DataSets;

/// <summary>The tags of words: O, or a letter that says where in its span the word stands, and the span's kind.</summary>
internal static class SpanTag
{
    public static bool IsTag(string tag) => tag == "O" || (tag.Length > 2 && tag[1] == '-' && tag[0] is 'B' or 'I' or 'E' or 'S' or 'L' or 'U');

    public static string Expected(string found) => $"expected a tag such as O, B-PER or I-PER, found '{found}'.";
}
