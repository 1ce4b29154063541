using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>A model of the Hugging Face hub, as a user writes it.</summary>
/// <param name="Name"><c>name</c> or <c>organisation/name</c>.</param>
/// <param name="Revision">A commit, branch or tag; null if none is named.</param>
internal sealed record HubName(string Name, string? Revision)
{
    /// <summary>What an address begins with. Only addresses are downloaded.</summary>
    public const string Scheme = "hf://";

    public const string DefaultBranch = "main";

    /// <summary>Of a commit's name, which is hexadecimal.</summary>
    private const int CommitLength = 40;

    /// <summary>The revision, or the branch that stands for it.</summary>
    public string RevisionOrDefault => Revision ?? DefaultBranch;

    /// <summary>As it is written to be downloaded.</summary>
    public string Address => Scheme + this;

    public static bool TryParse(string text, [NotNullWhen(true)] out HubName? hub)
    {
        var at = text.IndexOf('@');
        var (name, revision) = at < 0 ? (text, null) : (text[..at], text[(at + 1)..]);
        hub = PlainPath.IsBelow(name) && name.Count(c => c == '/') <= 1 && (revision is null || PlainPath.IsBelow(revision)) ? new(name, revision) : null;
        return hub is not null;
    }

    /// <summary>Whether a text is meant as an address of the hub.</summary>
    public static bool IsAddress(string text) => text.StartsWith(Scheme, StringComparison.Ordinal);

    /// <summary>The model at <c>hf://name</c> or <c>hf://organisation/name</c>, with or without <c>@revision</c>.</summary>
    /// <exception cref="ArgumentException">It is no such address.</exception>
    public static HubName ParseAddress(string address)
    {
        // The hub has no "--" in names; folders of the cache have it in the place of a slash.
        if (IsAddress(address) && TryParse(address[Scheme.Length..], out var hub)
            && hub.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/')
            && !hub.Name.Contains("--", StringComparison.Ordinal) && !hub.Name.Contains("..", StringComparison.Ordinal))
            return hub;

        throw new ArgumentException(
            $"'{address}' is no address of the Hugging Face hub. Expected {Scheme}name or {Scheme}organisation/name, then @revision (a commit, branch or "
            + "tag) where one is meant.");
    }

    /// <summary>Whether a revision is the full name of a commit, which never changes.</summary>
    public static bool IsCommit(string revision) => revision.Length == CommitLength && revision.All(char.IsAsciiHexDigitLower);

    public override string ToString() => Revision is null ? Name : $"{Name}@{Revision}";
}
