using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

/// <summary>The rules of mteval-v13a, worked by hand.</summary>
[TestClass]
public sealed class Words13aTests
{
    [TestMethod]
    [DataRow("Hello, world!", "Hello , world !")]
    [DataRow("It wasn't well-known.", "It wasn't well-known .", DisplayName = "Apostrophes and hyphens stay")]
    [DataRow("3.5 or 1,000.", "3.5 or 1,000 .", DisplayName = "Points and commas between digits stay")]
    [DataRow("v.2 2.v", "v . 2 2 . v", DisplayName = "Points between a digit and a letter do not")]
    [DataRow("..5", ". .5", DisplayName = "The first point takes the second one's turn")]
    [DataRow("5-6, a-b", "5 - 6 , a-b", DisplayName = "A dash behind a digit is a word")]
    [DataRow("!\"#$%&()*+/:;<=>?@[\\]^_`{|}~", "! \" # $ % & ( ) * + / : ; < = > ? @ [ \\ ] ^ _ ` { | } ~", DisplayName = "Symbols are words")]
    [DataRow("&lt;b&gt; &quot;x&quot; &amp;quot;", "< b > \" x \" & quot ;", DisplayName = "Entities, once")]
    [DataRow("end-\nless <skipped>text\nhere", "endless text here", DisplayName = "Lines are joined")]
    [DataRow("“à la” 日本語。", "“à la” 日本語。", DisplayName = "Symbols beyond ASCII stay")]
    [DataRow("😀.", "😀 .")]
    [DataRow(" \t\u00a0\n", "")]
    public void Text_is_split(string text, string expected) => Assert.AreEqual(expected, string.Join(' ', Words13a.Split(text)));
}
