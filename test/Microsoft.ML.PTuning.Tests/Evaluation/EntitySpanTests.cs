namespace Microsoft.ML.PTuning.Tests.Evaluation;

[TestClass]
public sealed class EntitySpanTests
{
    [TestMethod]
    [DataRow("PER 0 5", "PER", 0, 5)]
    [DataRow("work of art 12 2147483647", "work of art", 12, int.MaxValue)]
    [DataRow("B-7 1 2", "B-7", 1, 2)]
    public void Parse_reads_type_start_and_end(string text, string type, int start, int end) =>
        Assert.AreEqual(new EntitySpan(type, start, end), EntitySpan.Parse(text));

    [TestMethod]
    [DataRow("PER 0 5")]
    [DataRow("work of art 12 20")]
    public void Text_of_a_span_is_what_was_parsed(string text) => Assert.AreEqual(text, EntitySpan.Parse(text).ToString());

    [TestMethod]
    [DataRow("")]
    [DataRow("PER")]
    [DataRow("0 5")]
    [DataRow(" 0 5")]
    [DataRow("PER 5")]
    [DataRow("PER 5 5")]
    [DataRow("PER 5 4")]
    [DataRow("PER -1 4")]
    [DataRow("PER +1 4")]
    [DataRow("PER 1 4 ")]
    [DataRow("PER  1 4")]
    [DataRow(" PER 1 4")]
    [DataRow("PER 1  4")]
    [DataRow("PER 1 2147483648")]
    [DataRow("PER 0 5;16 23")]
    public void Parse_refuses_what_is_no_span(string text)
    {
        var error = Assert.ThrowsExactly<FormatException>(() => EntitySpan.Parse(text));

        Assert.Contains($"found '{text}'", error.Message);
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow("PER")]
    public void TryParse_says_no_to_what_is_no_span(string? text) => Assert.IsFalse(EntitySpan.TryParse(text, out _));
}
