using System.Text;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class CharacterMapTests
{
    private static readonly CharacterMap Map =
        new(CharacterMapFile.Write(("\t", " "), ("\u0001", ""), ("e\u0301", "é"), ("e", "E"), ("ﬁ", "fi"), ("e\u0301\u0302", "x"), ("𝐇", "H")));

    [TestMethod]
    [DataRow("\tx", 1, " ", DisplayName = "one character")]
    [DataRow("\u0001", 1, "", DisplayName = "a character that goes")]
    [DataRow("ex", 1, "E", DisplayName = "a key that begins longer ones")]
    [DataRow("e\u0301x", 3, "é", DisplayName = "a sequence")]
    [DataRow("e\u0301\u0302", 5, "x", DisplayName = "the longest of three")]
    [DataRow("ﬁ", 3, "fi", DisplayName = "a character that becomes two")]
    [DataRow("𝐇", 4, "H", DisplayName = "beyond U+FFFF")]
    public void The_longest_key_is_replaced(string text, int length, string expected)
    {
        Assert.AreEqual(length, Map.Find(Encoding.UTF8.GetBytes(text), out var replacement));
        Assert.AreEqual(expected, Encoding.UTF8.GetString(replacement));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("x")]
    [DataRow("\u0301")]
    [DataRow("\0")]
    [DataRow("ﬂ")]
    public void A_text_that_begins_with_no_key_has_no_replacement(string text)
    {
        Assert.AreEqual(0, Map.Find(Encoding.UTF8.GetBytes(text), out var replacement));
        Assert.IsTrue(replacement.IsEmpty);
    }

    [TestMethod]
    public void Half_of_a_key_is_no_key() => Assert.AreEqual(0, Map.Find("\xF0\x9D"u8, out _));

    [TestMethod]
    [DataRow(new byte[] { 1 }, DisplayName = "no length")]
    [DataRow(new byte[] { 8, 0, 0, 0, 1, 2, 3, 4, 0 }, DisplayName = "a trie longer than the bytes")]
    [DataRow(new byte[] { 3, 0, 0, 0, 1, 2, 3, 0 }, DisplayName = "a trie of no whole unit")]
    [DataRow(new byte[] { 0, 0, 0, 0, 0 }, DisplayName = "no trie")]
    [DataRow(new byte[] { 4, 0, 0, 0, 0, 0, 0, 0 }, DisplayName = "no replacements")]
    [DataRow(new byte[] { 4, 0, 0, 0, 0, 0, 0, 0, 65 }, DisplayName = "a replacement without end")]
    [DataRow(new byte[] { 4, 0, 0, 0, 0, 5, 0, 0, 0 }, DisplayName = "a key that ends beyond the trie")]
    public void Damaged_bytes_are_refused(byte[] bytes) => Assert.ThrowsExactly<FormatException>(() => new CharacterMap(bytes));
}
