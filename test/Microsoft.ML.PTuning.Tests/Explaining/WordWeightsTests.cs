using Microsoft.ML.PTuning.Explaining;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Tests.Explaining;

[TestClass]
public sealed class WordWeightsTests
{
    [TestMethod]
    public void Pieces_of_a_word_are_summed_and_marks_and_Chinese_characters_are_words()
    {
        const string Text = "unable, 你好 ok";

        var found = Gather(Text, (0, 2, 1.0), (2, 4, 0.5), (6, 1, -0.25), (8, 1, 2), (9, 1, 3), (11, 2, 4));

        Assert.AreEqual("unable=1.5 ,=-0.25 你=2 好=3 ok=4", found);
    }

    [TestMethod]
    public void Special_tokens_and_words_without_a_token_are_left_out() =>
        Assert.AreEqual("b=2", Gather("a b c", (0, 0, 9.0), (2, 1, 2), (5, 0, 9)));

    /// <summary>Byte-level pieces begin with the space before their word.</summary>
    [TestMethod]
    public void A_token_with_a_space_belongs_to_the_word_after_it() => Assert.AreEqual("so=1 good=2", Gather("so good", (0, 2, 1.0), (2, 5, 2)));

    [TestMethod]
    public void A_space_that_is_a_token_belongs_to_no_word() => Assert.AreEqual("a=1 b=2", Gather("a b", (0, 1, 1.0), (1, 1, 9), (2, 1, 2)));

    private static string Gather(string text, params (int Start, int Length, double Weight)[] tokens) => string.Join(' ', WordWeights
        .Gather(text, tokens.Select((token, i) => new TextToken(i, 0, token.Start, token.Length)), [.. tokens.Select(token => token.Weight)])
        .Select(found => FormattableString.Invariant($"{text[found.Word.Start..found.Word.End]}={found.Weight}")));
}
