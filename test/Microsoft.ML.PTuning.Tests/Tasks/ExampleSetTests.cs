using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tasks;

[TestClass]
public sealed class ExampleSetTests
{
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

    private static Example Fail(Exception exception) => throw exception;

    private sealed class Row
    {
        public string Sentence1 { get; set; } = "a";

        public float Label { get; set; }
    }
}
