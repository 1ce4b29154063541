using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Tokenization;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tasks;

[TestClass]
public sealed class ExampleSetTests
{
    /// <summary>The id of "a".</summary>
    private static readonly int FirstLetter = TokenizerFolder.BertTokens.Length;

    [TestMethod]
    public void Encode_throws_what_encoding_threw_and_where()
    {
        var thrown = new InvalidDataException("row 3");
        PendingExample[] rows = [.. Enumerable.Range(0, 5).Select(row => new PendingExample(_ => row == 3 ? Fail(thrown) : Any.Example(row)))];

        var caught = Assert.ThrowsExactly<InvalidDataException>(() => ExampleSet.Encode(rows, null!));

        Assert.AreSame(thrown, caught);
        StringAssert.Contains(caught.StackTrace, nameof(Fail));
    }

    [TestMethod]
    [DataRow(1f, DisplayName = "labelled rows")]
    [DataRow(float.NaN, DisplayName = "rows without a label")]
    public void Read_ends_soon_after_it_is_cancelled(float label)
    {
        const int Rows = 100_000;
        var read = 0;
        var data = new MLContext().Data.LoadFromEnumerable(Enumerable.Range(0, Rows).Select(row =>
        {
            read = row + 1;
            return new Row { Label = label };
        }));

        void CancelAfterTenRows()
        {
            if (read > 10)
                throw new OperationCanceledException();
        }

        Assert.ThrowsExactly<OperationCanceledException>(() => ExampleSet.Read(data, Any.Regression, null!, CancelAfterTenRows));

        Assert.IsLessThan(1000, read);
    }

    /// <summary>More rows than are encoded together, every third without a label.</summary>
    [TestMethod]
    public void Read_keeps_the_order_of_the_rows()
    {
        var data = new MLContext().Data.LoadFromEnumerable(Enumerable.Range(0, 10_000)
            .Select(row => new Row { Sentence1 = $"{(char)('a' + row % 25)}", Label = row % 3 == 0 ? float.NaN : row }));

        var rows = ExampleSet.Read(data, Any.Regression, Letters(), () => { });

        Assert.AreEqual(3_334, rows.Skipped);
        CollectionAssert.AreEqual(
            Enumerable.Range(0, 10_000).Where(row => row % 3 != 0).Select(row => (Id: FirstLetter + row % 25, Label: (float)row)).ToArray(),
            rows.Examples.Select(row => (Id: row.Parts[0].Sequences[0].Ids[1], Label: row.Parts[0].Target[0])).ToArray());
    }

    [TestMethod]
    public void Read_throws_what_encoding_a_row_threw_while_others_are_read()
    {
        var data = new MLContext().Data.LoadFromEnumerable(Enumerable.Range(0, 20_000).Select(_ => new Row { Label = 1 }));

        Assert.ThrowsExactly<NullReferenceException>(() => ExampleSet.Read(data, Any.Regression, null!, () => { }));
    }

    /// <summary>
    /// Objects of .NET on 64 bits: a header of 16 bytes, and 8 more for an array's length. The row's ids take 4 bytes each; the row itself 16 + 3 * 8; part
    /// and example 16 + 3 * 8 each at most, their lists of one 24 each; the list of all rows up to 16. Segments and target are shared by all rows.
    /// </summary>
    [TestMethod]
    [DoNotParallelize]
    public void Row_takes_no_more_than_its_ids_and_five_small_objects()
    {
        const int Rows = 50_000, Tokens = 12;
        var text = string.Join(' ', Enumerable.Repeat("a", Tokens - 2));
        var data = new MLContext().Data.LoadFromEnumerable(Enumerable.Range(0, Rows).Select(row => new Row { Sentence1 = text, IsGood = row % 2 == 0 }));
        var (task, tokenizer) = (Any.BinaryClassification with { LabelColumnName = nameof(Row.IsGood) }, Letters());
        ExampleSet.Read(data, task, tokenizer, () => { });

        var before = GC.GetTotalMemory(forceFullCollection: true);
        var rows = ExampleSet.Read(data, task, tokenizer, () => { });
        var perRow = (double)(GC.GetTotalMemory(forceFullCollection: true) - before) / Rows;

        Assert.HasCount(Tokens, rows.Examples[^1].Parts[0].Sequences[0].Ids);
        Assert.IsLessThanOrEqualTo(24 + 4 * Tokens + 40 + 40 + 40 + 24 + 24 + 16, perRow);
        GC.KeepAlive(rows);
    }

    private static TextTokenizer Letters()
    {
        using var folder = TokenizerFolder.Characters("{}", "abcdefghijklmnopqrstuvwxy");
        return TextTokenizer.Load(folder.Path, "bert");
    }

    private static Example Fail(Exception exception) => throw exception;

    private sealed class Row
    {
        public string Sentence1 { get; set; } = "a";

        public float Label { get; set; }

        public bool IsGood { get; set; }
    }
}
