using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Encoders;

/// <summary>A model of the Hugging Face hub, as a user writes it.</summary>
/// <param name="Name"><c>name</c> or <c>organisation/name</c>.</param>
/// <param name="Revision">A commit, branch or tag; null if none is named.</param>
internal sealed record HubName(string Name, string? Revision)
{
    public static bool TryParse(string text, [NotNullWhen(true)] out HubName? hub)
    {
        var at = text.IndexOf('@');
        var (name, revision) = at < 0 ? (text, null) : (text[..at], text[(at + 1)..]);
        hub = PlainPath.IsBelow(name) && name.Count(c => c == '/') <= 1 && (revision is null || PlainPath.IsBelow(revision)) ? new(name, revision) : null;
        return hub is not null;
    }

    public override string ToString() => Revision is null ? Name : $"{Name}@{Revision}";
}
