using System.Text.RegularExpressions;

namespace Microsoft.ML.PTuning.Tests.Documentation;

/// <summary>The pages of the repository: their links lead somewhere, and their code compiles.</summary>
[TestClass]
public sealed partial class DocumentationTests
{
    public static IEnumerable<object[]> Pages =>
        from page in (string[])[
            .. Directory.GetFiles(SecondProcess.Repository, "*.md"),
            .. Directory.GetFiles(Path.Combine(SecondProcess.Repository, "docs"), "*.md", SearchOption.AllDirectories)]
        select new object[] { Path.GetRelativePath(SecondProcess.Repository, page) };

    /// <summary>The lines of each file of code from the docs; the files are compiled.</summary>
    internal static string[][] Snippets { get; } =
    [
        .. Directory.GetFiles(Path.Combine(SecondProcess.Repository, "test", "Microsoft.ML.PTuning.Tests", "Documentation", "Snippets"), "*.cs")
            .Select(file => Lines(File.ReadAllText(file))),
    ];

    [TestMethod]
    [DynamicData(nameof(Pages))]
    public void Links_lead_to_a_file_and_a_heading(string page)
    {
        var folder = Path.GetDirectoryName(Path.Combine(SecondProcess.Repository, page))!;
        foreach (var target in Link().Matches(Read(page)).Select(match => match.Groups[1].Value))
        {
            if (target.StartsWith("http", StringComparison.Ordinal))
                continue;

            var parts = target.Split('#');
            var file = parts[0].Length == 0 ? Path.Combine(SecondProcess.Repository, page) : Path.GetFullPath(Path.Combine(folder, parts[0]));
            Assert.IsTrue(File.Exists(file), $"{page} links to '{target}', which is not there.");
            if (parts.Length > 1)
                CollectionAssert.Contains(Anchors(file), parts[1], $"{page} links to '{target}'.");
        }
    }

    /// <summary>Every block of C# stands, line by line and in order, in one of the files beside this one, which are compiled.</summary>
    [TestMethod]
    [DynamicData(nameof(Pages))]
    public void Code_is_compiled(string page)
    {
        string[][] blocks = [.. CSharp().Matches(Read(page)).Select(match => Lines(match.Groups[1].Value))];
        Assert.AreEqual(Lines(Read(page)).Count(line => line.StartsWith("```c", StringComparison.Ordinal)), blocks.Length);
        foreach (var block in blocks)
            Assert.IsTrue(Snippets.Any(snippet => HasInOrder(snippet, block)), $"{page} has code that no snippet has: {block.FirstOrDefault()}");
    }

    /// <summary>A row begins with some words of a message, where … stands for names and numbers.</summary>
    [TestMethod]
    public void Messages_of_troubleshooting_are_in_the_library()
    {
        var library = Path.Combine(SecondProcess.Repository, "src", "Microsoft.ML.PTuning");
        var texts = string.Join('\n', Directory.GetFiles(library, "*.cs", SearchOption.AllDirectories).Select(file => string.Concat(TextLiteral()
                .Matches(CommentLine().Replace(File.ReadAllText(file), "")).Select(literal => literal.Groups[1].Value))))
            + File.ReadAllText(Path.Combine(library, "buildTransitive", "Microsoft.ML.PTuning.targets"));
        var messages = Message().Matches(Read(Path.Combine("docs", "troubleshooting.md"))).Select(row => row.Groups[1].Value).ToArray();

        Assert.IsNotEmpty(messages);
        foreach (var words in messages.SelectMany(message => message.Split('…', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
            Assert.Contains(words, texts, StringComparison.Ordinal, $"docs/troubleshooting.md explains '{words}', which no message says.");
    }

    private static string Read(string page) => File.ReadAllText(Path.Combine(SecondProcess.Repository, page)).ReplaceLineEndings("\n");

    private static string[] Anchors(string file) => [.. Heading().Matches(File.ReadAllText(file)).Select(match => Anchor(match.Groups[1].Value))];

    internal static string[] Lines(string text) => [.. text.ReplaceLineEndings("\n").Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];

    private static bool HasInOrder(string[] snippet, string[] block)
    {
        var found = 0;
        foreach (var line in snippet)
            if (found < block.Length && line == block[found])
                found++;
        return found == block.Length;
    }

    /// <summary>As GitHub makes it of a heading.</summary>
    private static string Anchor(string heading) => NotInAnchors().Replace(heading.Trim().ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CSharp();

    [GeneratedRegex("^\\| `([^`]+)`", RegexOptions.Multiline)]
    private static partial Regex Message();

    [GeneratedRegex("\"((?:[^\"\\\\\n]|\\\\.)*)\"")]
    private static partial Regex TextLiteral();

    [GeneratedRegex("^ *//.*$", RegexOptions.Multiline)]
    private static partial Regex CommentLine();

    [GeneratedRegex("[^a-z0-9 -]")]
    private static partial Regex NotInAnchors();
}
