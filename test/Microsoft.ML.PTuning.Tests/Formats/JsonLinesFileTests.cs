using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tests.Examples;

namespace Microsoft.ML.PTuning.Tests.Formats;

[TestClass]
public sealed class JsonLinesFileTests
{
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow("{\"a\":1}\n", "{\"a\":1}\n{\"b\":2}\n", 0)]
    [DataRow("{\"a\":1}\n{\"a\":", "{\"a\":1}\n{\"b\":2}\n", 5)]
    [DataRow("{\"a\":1}\n{\"a\":2}", "{\"a\":1}\n{\"b\":2}\n", 7)]
    [DataRow("{\"a\"", "{\"b\":2}\n", 4)]
    [DataRow("", "{\"b\":2}\n", 0)]
    public void A_line_cut_short_is_removed_before_the_next_is_appended(string before, string after, int dropped)
    {
        string path = _folder.Write("lines.jsonl", before);

        using (JsonLinesFile file = JsonLinesFile.Open(path))
        {
            Assert.AreEqual(dropped, file.DroppedBytes);
            file.Append(new JsonObject { ["b"] = 2 });
        }

        Assert.AreEqual(after, File.ReadAllText(path));
    }

    [TestMethod]
    public void Reading_leaves_the_line_that_was_cut_short()
    {
        string path = _folder.Write("lines.jsonl", "{\"a\":1}\n{\"a\"");

        Assert.HasCount(1, JsonLinesFile.Read(path));
        Assert.AreEqual("{\"a\":1}\n{\"a\"", File.ReadAllText(path));
    }

    [TestMethod]
    [DataRow("{\"a\":1}\nnot json\n{\"a\":2}\n", 2, "not json")]
    [DataRow("[1]\n", 1, "[1]")]
    [DataRow("{\"a\":1}\n\n", 2, "")]
    public void A_whole_line_that_is_no_object_is_refused_by_number_and_stays(string text, int line, string found)
    {
        string path = _folder.Write("lines.jsonl", text);

        FormatException problem = Assert.ThrowsExactly<FormatException>(() => JsonLinesFile.Open(path).Dispose());

        StringAssert.Contains(problem.Message, $"{path}, line {line}: expected a JSON object, found '{found}'.");
        Assert.AreEqual(text, File.ReadAllText(path));
    }

    [TestMethod]
    public void A_second_process_may_not_append()
    {
        string path = Path.Combine(_folder.Path, "lines.jsonl");
        using JsonLinesFile first = JsonLinesFile.Open(path);

        IOException problem = Assert.ThrowsExactly<IOException>(() => JsonLinesFile.Open(path).Dispose());

        StringAssert.Contains(problem.Message, "another one holds");
    }

    [TestMethod]
    public void File_that_has_vanished_is_not_appended_to()
    {
        string path = _folder.Write("lines.jsonl", "{\"a\":1}\n");
        using JsonLinesFile file = JsonLinesFile.Open(path);
        File.Delete(path);

        IOException problem = Assert.ThrowsExactly<IOException>(() => file.Append(new JsonObject { ["b"] = 2 }));

        StringAssert.Contains(problem.Message, $"'{path}' was deleted or moved");
    }

    [TestMethod]
    public void Appended_lines_are_read_again()
    {
        string path = Path.Combine(_folder.Path, "new", "lines.jsonl");
        using (JsonLinesFile file = JsonLinesFile.Open(path))
        {
            file.Append(new JsonObject { ["text"] = "Größe\n2", ["number"] = double.NaN });
            file.Append(new JsonObject { ["last"] = true });
        }

        Assert.HasCount(2, File.ReadAllLines(path));
        Assert.AreEqual("Größe\n2", (string?)JsonLinesFile.Read(path)[0]["text"]);
        Assert.IsFalse(File.Exists($"{path}.lock"));
    }
}
