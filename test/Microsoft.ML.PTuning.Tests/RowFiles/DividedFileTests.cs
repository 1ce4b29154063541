using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Tests.Backbones;
using Parquet;
using Parquet.Serialization;

namespace Microsoft.ML.PTuning.Tests.RowFiles;

/// <summary>A file that is read range after range is the file that is read as a whole.</summary>
[TestClass]
public sealed class DividedFileTests
{
    private readonly TemporaryDirectory _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow("a.csv", "Text,Label\r\n\"one, \"\"1\"\"\r\nand more\",A\r\n\r\ntwo é😀,B\nthree,C\n\"four\n\",D\n5,E\n")]
    [DataRow("a.csv", "\uFEFFText,\"La\nbel\"\n1,A\n2,B\n\n\n3,C")]
    [DataRow("a.csv", "Text\n1\n\n3\n4")]
    [DataRow("a.csv", "Text;Label\nwith a \" quote;A\n2;B\n")]
    [DataRow("a.tsv", "Text\tLabel\n\"1\tA\nzwei ü\tB\r\n3\tC\r\n4\tD")]
    [DataRow("a.jsonl", "{\"a\": 1}\n\n  \n{\"a\": \"é\", \"b\": [\"x\"]}\r\n{\"b\": [\"y\"]}\n{\"a\": 4}")]
    [DataRow("a.jsonl", "\uFEFF{\"a\": 1}\r{\"a\": 2}\r\n\r\n{\"a\": 3}\n\n\n")]
    public void Rows_and_their_lines_are_those_of_the_whole_file(string name, string text)
    {
        var path = Path.Combine(_folder.Path, name);
        File.WriteAllText(path, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));

        AssertWhole(path, most: 4);
    }

    [TestMethod]
    public void Broken_rows_keep_their_lines()
    {
        var path = Path.Combine(_folder.Path, "broken.csv");
        File.WriteAllText(path, "Text,Label\n1,A\n\"2\n\",B\n3\n4,D\n\"5\n5\"\n");
        List<long> whole = [], divided = [];
        using (var reader = new DataFile(path, Reporting(whole)).Open())
            Assert.HasCount(3, reader.Rows().ToList());

        var file = DividedFile.Of(path, 2, new ReadingOptions());
        var rows = file.Ranges.Sum(range => Read(file, range, Reporting(divided)).Count);

        Assert.AreEqual(3, rows);
        CollectionAssert.AreEqual((long[])[5, 7], whole);
        CollectionAssert.AreEqual(whole, divided);
        Assert.AreEqual(5, file.Ranges.Sum(range => range.Rows));
    }

    [TestMethod]
    public void Random_separated_files_are_divided_between_their_rows()
    {
        var random = new Random(1);
        string[] pieces = ["a", "é", "😀", ",", "\"\"", "\n", "\r\n", " ", "x"];
        for (var trial = 0; trial < 50; trial++)
        {
            var text = new StringBuilder("Text,Label\n");
            for (var row = 0; row < 30; row++)
                text.Append($"\"{string.Concat(random.GetItems(pieces, random.Next(6)))}\",{row}\n");
            var path = Path.Combine(_folder.Path, $"{trial}.csv");
            File.WriteAllText(path, text.ToString());
            AssertWhole(path, most: 7);
        }
    }

    [TestMethod]
    [DataRow(2, 3)]
    [DataRow(2, 100)]
    [DataRow(100, 3)]
    [DataRow(3, 4)]
    public void Parquet_is_divided_by_rows(int groupRows, int most)
    {
        var path = Path.Combine(_folder.Path, "a.parquet");
        var rows = Enumerable.Range(0, 11).Select(i => new ParquetRow { Number = i, Text = $"text {i}", Words = ["a", $"{i}"] });
        using (var stream = File.Create(path))
            ParquetSerializer.SerializeAsync(rows, stream, new ParquetOptions { RowGroupSize = groupRows }).GetAwaiter().GetResult();

        AssertWhole(path, most);
    }

    [TestMethod]
    public void Ranges_of_Parquet_share_small_groups_and_divide_large_ones()
    {
        var ranges = ParquetRanges.Of([2, 2, 3, 11, 1], 5);

        CollectionAssert.AreEqual(
            (string[])["0-4", "4-7", "7-12", "12-17", "17-19"], ranges.Select(range => $"{range.Start}-{range.End}").ToArray());
        Assert.AreEqual(19, ranges.Sum(range => range.Rows));
    }

    [TestMethod]
    public void Other_encodings_and_formats_are_refused()
    {
        var utf16 = Path.Combine(_folder.Path, "utf16.csv");
        File.WriteAllText(utf16, "Text,Label\n1,A\n", Encoding.Unicode);
        StringAssert.Contains(Assert.ThrowsExactly<DataException>(() => DividedFile.Of(utf16, 1, new ReadingOptions())).Message, "UTF-8");

        var words = Path.Combine(_folder.Path, "words.conll");
        File.WriteAllText(words, "my O\nparcel B\n");
        StringAssert.Contains(Assert.ThrowsExactly<DataException>(() => DividedFile.Of(words, 1, new ReadingOptions())).Message, "conll");
    }

    [TestMethod]
    public void A_file_of_many_parts_is_the_file_that_was_divided()
    {
        foreach (var (format, header) in (ReadOnlySpan<(string, string)>)[("csv", "\"a\nb\",c\n"), ("tsv", "a\tc\n"), ("jsonl", "")])
        {
            string[] bodies = ["1,\"\n2\"\n", "", "3,4\n"];
            string[] parts = [.. bodies.Select((body, i) => Write($"part-{i}.{format}", header + body))];
            var merged = Path.Combine(_folder.Path, $"merged.{format}");

            MergedFile.Write(merged, parts, format, default);

            Assert.AreEqual(header + string.Concat(bodies), File.ReadAllText(merged));
        }
    }

    private static ReadingOptions Reporting(List<long> lines) => new() { Broken = new BrokenRows { Found = (line, _) => lines.Add(line) } };

    private static List<DataRow> Read(DividedFile file, RowRange range, ReadingOptions options)
    {
        using var reader = file.Open(range, options);
        CollectionAssert.AreEqual(file.Columns.Select(column => column.Name).ToArray(), reader.Columns.Select(column => column.Name).ToArray());
        return [.. reader.Rows()];
    }

    private static void AssertWhole(string path, int most)
    {
        var options = new ReadingOptions { KeepsSource = true };
        var whole = new DataFile(path, options).ReadAll();
        for (var rows = 1; rows <= most; rows++)
        {
            // Through JSON, as plans keep it.
            var file = JsonSerializer.Deserialize<DividedFile>(JsonSerializer.Serialize(DividedFile.Of(path, rows, options)))!;

            var divided = file.Ranges.SelectMany(range => Read(file, range, options)).ToList();

            CollectionAssert.AreEqual(whole.Rows.Select(Text).ToArray(), divided.Select(Text).ToArray());
            Assert.AreEqual(whole.Rows.Count, file.Ranges.Sum(range => range.Rows));
            Assert.IsTrue(file.Ranges.All(range => range.Rows > 0 && range.Rows <= rows));
        }
    }

    private static string Text(DataRow row) => $"{row.Line}: {JsonSerializer.Serialize(row.Cells)} {row.Json}";

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder.Path, name);
        File.WriteAllText(path, text);
        return path;
    }

    private sealed class ParquetRow
    {
        public int Number { get; set; }

        public string? Text { get; set; }

        public List<string>? Words { get; set; }
    }
}
