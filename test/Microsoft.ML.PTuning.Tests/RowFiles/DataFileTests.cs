using System.Text;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.RowFiles;
using Parquet.Serialization;

namespace Microsoft.ML.PTuning.Tests.RowFiles;

[TestClass]
public sealed class DataFileTests
{
    private readonly TemporaryDirectory _folder = new();
    private readonly List<string> _notes = [];
    private readonly List<string> _told = [];
    private BrokenRows _broken;

    public DataFileTests() => _broken = new BrokenRows { Tell = _told.Add };

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void Quoted_fields_have_commas_quotes_and_line_ends()
    {
        var table = Read("a.csv", "Text,Label\r\n\"first, with \"\"quotes\"\"\r\nand a second line\",A\r\nsecond,B\r\n");

        Assert.AreEqual("first, with \"quotes\"\r\nand a second line", table.Rows[0].Text(0));
        CollectionAssert.AreEqual(new long[] { 2, 4 }, table.Rows.Select(row => row.Line).ToArray());
    }

    [TestMethod]
    [DataRow("utf-8", true)]
    [DataRow("utf-8", false)]
    [DataRow("utf-16", true)]
    [DataRow("utf-16", false)]
    [DataRow("utf-16BE", true)]
    [DataRow("utf-16BE", false)]
    public void Unicode_files_are_read_with_and_without_a_mark(string name, bool hasMark)
    {
        var encoding = Encoding.GetEncoding(name);
        byte[] bytes = [.. hasMark ? encoding.GetPreamble() : [], .. encoding.GetBytes("Text,Label\ngrüße ✓,Ä\n")];

        var table = Read("a.csv", bytes);

        Assert.AreEqual("Text", table.Columns[0].Name);
        Assert.AreEqual("grüße ✓", table.Rows[0].Text(0));
        Assert.AreEqual("Ä", table.Rows[0].Text(1));
    }

    [TestMethod]
    public void Characters_of_another_encoding_are_noted_with_their_line()
    {
        Read("a.csv", [.. "Text,Label\nplain,A\ncaf"u8, 0xE9, .. ",B\n"u8]);

        Assert.Contains("line 3: some characters are not utf-8", _notes.Single());
    }

    [TestMethod]
    [DataRow("Text;Label\na, b;A\n")]
    [DataRow("Text|Label\na, b|A\n")]
    [DataRow("Text\tLabel\na, b\tA\n")]
    public void Separator_is_the_most_frequent_one_of_the_header(string text)
    {
        var table = Read("a.csv", text);

        Assert.AreEqual("a, b", table.Rows[0].Text(0));
        Assert.AreEqual("A", table.Rows[0].Text(1));
    }

    [TestMethod]
    public void Quotes_between_tabs_are_ordinary_characters()
    {
        var table = Read("a.tsv", "Text\tLabel\n\"unclosed\tA\nnext\tB\n");

        CollectionAssert.AreEqual(new[] { "\"unclosed", "next" }, table.Rows.Select(row => row.Text(0)).ToArray());
    }

    [TestMethod]
    public void Columns_without_a_name_or_with_a_taken_one_get_their_own()
    {
        var table = Read("a.csv", "Text,,Text, Label \na,b,c,d\n");

        CollectionAssert.AreEqual(new[] { "Text", "Column2", "Text.2", "Label" }, table.Columns.Select(column => column.Name).ToArray());
        Assert.HasCount(2, _notes);
    }

    [TestMethod]
    public void Rows_with_another_number_of_fields_are_told_by_line_and_counted()
    {
        var table = Read("a.csv", "Text,Label\ngood,A\nonly one\ngood,B\none,two,three\n");

        Assert.HasCount(2, table.Rows);
        Assert.AreEqual(2, _broken.Count);
        StringAssert.StartsWith(_told[0], "a.csv, line 3: expected 2 fields, found 1");
        StringAssert.StartsWith(_told[1], "a.csv, line 5: expected 2 fields, found 3");
    }

    [TestMethod]
    public void A_quote_that_is_not_closed_is_told_where_it_begins()
    {
        var table = Read("a.csv", "Text,Label\ngood,A\n\"open,B\nlost,C\nlost,D");

        Assert.HasCount(1, table.Rows);
        StringAssert.StartsWith(_told[0], "a.csv, line 3: expected 2 fields, found 1 in 3 lines (is a quote not closed?)");
    }

    [TestMethod]
    public void One_percent_of_broken_rows_leaves_the_others()
    {
        var lines = Enumerable.Range(1, 1000).Select(i => i % 100 == 0 ? "broken" : $"text {i},A");

        var table = Read("a.csv", $"Text,Label\n{string.Join('\n', lines)}\n");

        Assert.HasCount(990, table.Rows);
        Assert.AreEqual(10, _broken.Count);
    }

    [TestMethod]
    public void Blank_lines_are_no_rows_and_count_as_lines()
    {
        var table = Read("a.csv", "Text,Label\n\na 5\" pipe,A\n\n\nonly\n");

        Assert.AreEqual(3, table.Rows.Single().Line);
        StringAssert.StartsWith(_told.Single(), "a.csv, line 6: expected 2 fields, found 1.");
    }

    [TestMethod]
    public void A_blank_line_of_a_single_column_is_an_empty_text() => Assert.HasCount(3, Read("a.csv", "Text\na\n\nb\n").Rows);

    [TestMethod]
    public void Objects_in_JSON_are_the_text_that_they_are_written_as() =>
        Assert.AreEqual("{\"a\": 1}", Read("a.jsonl", "{\"text\": \"x\", \"meta\": {\"a\": 1}}\n").Rows[0].Text(1));

    [TestMethod]
    public void Broken_rows_of_each_file_are_told()
    {
        Read("a.csv", "Text,Label\nonly\n");
        Read("b.csv", "Text,Label\nonly\n");

        Assert.HasCount(2, _told);
    }

    [TestMethod]
    public void Strict_reading_refuses_the_first_broken_row()
    {
        _broken = new BrokenRows(isStrict: true);

        var refusal = Assert.ThrowsExactly<DataException>(() => Read("a.csv", "Text,Label\nonly one\n"));

        StringAssert.StartsWith(refusal.Message, "a.csv, line 2: expected 2 fields, found 1");
    }

    [TestMethod]
    public void Json_lines_have_lists_numbers_and_missing_properties()
    {
        var table = Read("a.jsonl", "{\"text\": \"a\", \"n\": 1.50}\n\n{\"tags\": [\"X\", \"Y\"], \"text\": \"b\"}\n{\"text\": nonsense}\n[1]\n");

        CollectionAssert.AreEqual(new[] { "text", "n", "tags" }, table.Columns.Select(column => column.Name).ToArray());
        Assert.AreEqual("1.50", table.Rows[0].Text(1));
        Assert.IsNull(table.Rows[0].Cells[2]);
        CollectionAssert.AreEqual(new[] { "X", "Y" }, table.Rows[1].List(2));
        StringAssert.StartsWith(_told[0], "a.jsonl, line 4: it is no JSON");
        StringAssert.StartsWith(_told[1], "a.jsonl, line 5: expected an object");
    }

    [TestMethod]
    public void Parquet_has_texts_numbers_lists_and_missing_values_in_all_row_groups()
    {
        using var file = new MemoryStream();
        var rows = Enumerable.Range(0, 5).Select(i => new Review { text = $"text {i}", stars = i == 3 ? null : i + 0.5, tags = ["a", $"b{i}"] });
        ParquetSerializer.SerializeAsync(rows, file, new Parquet.ParquetOptions { RowGroupSize = 2 }).GetAwaiter().GetResult();

        var table = Read("a.parquet", file.ToArray());

        CollectionAssert.AreEqual(Enumerable.Range(0, 5).Select(i => $"text {i}").ToArray(), table.Rows.Select(row => row.Text(0)).ToArray());
        CollectionAssert.AreEqual(new[] { "0.5", "1.5", "2.5", "", "4.5" }, table.Rows.Select(row => row.Text(1)).ToArray());
        CollectionAssert.AreEqual(new[] { "a", "b4" }, table.Rows[4].List(2));
    }

    [TestMethod]
    public void Words_in_columns_become_sentences()
    {
        var table = Read("a.conll", "-DOCSTART- -X- O\n\nAnna NNP B-PER\nsleeps VBZ O\n\nbroken\n\nYork NNP B-LOC\n");

        CollectionAssert.AreEqual(new[] { "words", "column2", "tags" }, table.Columns.Select(column => column.Name).ToArray());
        CollectionAssert.AreEqual(new[] { "Anna", "sleeps" }, table.Rows[0].List(0));
        CollectionAssert.AreEqual(new[] { "B-LOC" }, table.Rows[1].List(2));
        StringAssert.StartsWith(_told.Single(), "a.conll, line 6: ");
    }

    [TestMethod]
    public void Answers_of_Squad_begin_where_UTF16_counts_them()
    {
        const string Json = """
            {"data": [{"paragraphs": [{"context": "a 😀 good day", "qas": [
              {"question": "what day?", "answers": [{"text": "good", "answer_start": 4}]},
              {"question": "none?", "answers": []}]}]}]}
            """;

        var table = Read("a.json", Json);

        Assert.AreEqual("good", table.Rows[0].Text(0)[int.Parse(table.Rows[0].Text(3))..][..4]);
        Assert.AreEqual("-1", table.Rows[1].Text(3));
    }

    [TestMethod]
    public void Missing_column_is_refused_with_those_that_there_are()
    {
        var refusal = Assert.ThrowsExactly<DataException>(() => Read("a.csv", "Text,Label\na,b\n").IndexOf("Topic"));

        Assert.AreEqual("a.csv has no column 'Topic'. Its columns are 'Text', 'Label'.", refusal.Message);
    }

    [TestMethod]
    [DataRow("a.csv", "")]
    [DataRow("a.jsonl", "\n")]
    [DataRow("a.parquet", "PAR1 nonsense")]
    [DataRow("a.conll", "word\n")]
    [DataRow("a.json", "[]")]
    [DataRow("a.xyz", "a")]
    public void Files_of_another_format_are_refused(string name, string text) => Assert.ThrowsExactly<DataException>(() => Read(name, text));

    private DataTable Read(string name, string text) => Read(name, Encoding.UTF8.GetBytes(text));

    private DataTable Read(string name, byte[] bytes)
    {
        File.WriteAllBytes(_folder.File(name), bytes);
        return new DataFile(_folder.File(name), new ReadingOptions { Broken = _broken, Note = _notes.Add }).ReadAll();
    }

    private sealed class Review
    {
        public string? text { get; set; }

        public double? stars { get; set; }

        public List<string>? tags { get; set; }
    }
}
