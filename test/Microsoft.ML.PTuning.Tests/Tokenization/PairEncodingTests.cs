using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class PairEncodingTests
{
    private const int Pad = 0, Classification = 2, Separator = 3, A = 5, B = 6;

    [TestMethod]
    public void Bert_puts_a_separator_between_two_texts_and_tells_their_segments_apart()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b");

        var encoded = folder.Load().Encode("a a", "b", 128);

        CollectionAssert.AreEqual(new[] { Classification, A, A, Separator, B, Separator }, encoded.Ids());
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 0, 1, 1 }, encoded.Segments);
        Assert.AreEqual(4, encoded.SecondStart);
    }

    [TestMethod]
    public void Roberta_puts_two_separators_between_two_texts_and_has_one_segment()
    {
        using var folder = TokenizerFolder.ByteLevel("{}");
        var ids = TokenizerFolder.ByteLevelIds();

        var encoded = folder.Load("roberta").Encode("a", "b", 128);

        CollectionAssert.AreEqual(new[] { ids["<s>"], ids["a"], ids["</s>"], ids["</s>"], ids["b"], ids["</s>"] }, encoded.Ids());
        CollectionAssert.AreEqual(new int[6], encoded.Segments);
        Assert.AreEqual(4, encoded.SecondStart);
    }

    [TestMethod]
    public void A_roberta_model_with_WordPiece_has_one_segment()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b");

        CollectionAssert.AreEqual(new int[5], folder.Load("roberta").Encode("a", "b", 128).Segments);
    }

    [TestMethod]
    public void A_text_alone_has_no_second_start()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");

        var encoded = folder.Load().Encode("a a", null, 128);

        Assert.AreEqual(encoded.Tokens.Length, encoded.SecondStart);
    }

    [TestMethod]
    public void Empty_texts_are_their_special_tokens()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");
        var tokenizer = folder.Load();

        CollectionAssert.AreEqual(new[] { Classification, Separator }, tokenizer.Encode("", null, 128).Ids());
        CollectionAssert.AreEqual(new[] { Classification, Separator, Separator }, tokenizer.Encode("", "", 128).Ids());
    }

    [TestMethod]
    public void Special_tokens_stand_for_no_characters()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");

        var encoded = folder.Load().Encode("a", "a", 128);

        CollectionAssert.AreEqual(new[] { 0, 1, 0, 1, 0 }, encoded.Tokens.Select(token => token.Length).ToArray());
    }

    [TestMethod]
    public void Offsets_of_the_second_text_point_into_the_second_text()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b");

        var encoded = folder.Load().Encode("a a a", "  b", 128);

        Assert.AreEqual(new Token(B, 2, 1), encoded.Tokens[encoded.SecondStart]);
    }

    [TestMethod]
    public void Padding_has_the_id_of_the_padding_token()
    {
        using var bert = TokenizerFolder.WordPiece("{}", "a");
        using var roberta = TokenizerFolder.ByteLevel("{}");

        Assert.AreEqual(Pad, bert.Load().PadId);
        Assert.AreEqual(TokenizerFolder.ByteLevelIds()["<pad>"], roberta.Load("roberta").PadId);
    }

    [TestMethod]
    public void Truncation_counts_the_tokens_it_took()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b");
        var tokenizer = folder.Load();

        Assert.AreEqual(3, tokenizer.Encode("a a a a a", null, 4).DroppedTokens);
        Assert.AreEqual(4, tokenizer.Encode("a a a", "b b b", 5).DroppedTokens);
        Assert.AreEqual(0, tokenizer.Encode("a a a", "b b b", 9).DroppedTokens);
    }

    [TestMethod]
    public void Truncation_takes_from_the_end()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b");

        CollectionAssert.AreEqual(new[] { Classification, A, A, Separator }, folder.Load().Encode("a a b b", null, 4).Ids());
    }

    [TestMethod]
    public void Longest_first_takes_token_by_token_from_the_longer_text_and_of_equals_from_the_second()
    {
        for (var first = 0; first < 12; first++)
        {
            for (var second = 0; second < 12; second++)
            {
                for (var room = 0; room < 24; room++)
                {
                    var kept = PairTruncation.Keep(first, second, room, Truncation.LongestFirst);
                    Assert.AreEqual(OneByOne(first, second, room), kept, $"{first}, {second}, {room}");
                }
            }
        }

        static (int, int) OneByOne(int first, int second, int room)
        {
            while (first + second > room)
                (first, second) = first > second ? (first - 1, second) : (first, second - 1);
            return (first, second);
        }
    }

    [TestMethod]
    public void Only_second_leaves_the_first_text_whole()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b");

        var encoded = folder.Load().Encode("a a a", "b b b", 7, Truncation.OnlySecond);

        CollectionAssert.AreEqual(new[] { Classification, A, A, A, Separator, B, Separator }, encoded.Ids());
    }

    [TestMethod]
    public void Only_second_refuses_a_first_text_that_does_not_fit_alone()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a", "b");

        var refused = Assert.ThrowsExactly<ArgumentException>(() => folder.Load().Encode("a a a", "b", 5, Truncation.OnlySecond));

        StringAssert.Contains(refused.Message, "the first alone has 3 tokens and 2 fit");
    }

    [TestMethod]
    public void Only_second_shortens_a_text_that_stands_alone()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");

        CollectionAssert.AreEqual(new[] { Classification, A, Separator }, folder.Load().Encode("a a a", null, 3, Truncation.OnlySecond).Ids());
    }

    [TestMethod]
    [DataRow(false, 1)]
    [DataRow(false, -1)]
    [DataRow(true, 2)]
    public void A_maximum_length_below_the_special_tokens_is_refused(bool pair, int maxLength)
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");

        var refused = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => folder.Load().Encode("a", pair ? "a" : null, maxLength));

        StringAssert.Contains(refused.Message, $"{(pair ? 3 : 2)} special tokens, but the maximum length is {maxLength}");
    }

    [TestMethod]
    public void A_maximum_length_of_the_special_tokens_alone_leaves_nothing_of_the_text()
    {
        using var folder = TokenizerFolder.WordPiece("{}", "a");

        CollectionAssert.AreEqual(new[] { Classification, Separator }, folder.Load().Encode("a a", null, 2).Ids());
    }

    [TestMethod]
    public void The_number_of_special_tokens_is_that_of_the_encoded_text()
    {
        using var bert = TokenizerFolder.WordPiece("{}", "a");
        using var roberta = TokenizerFolder.ByteLevel("{}");

        foreach (var tokenizer in new[] { bert.Load(), roberta.Load("roberta") })
        {
            Assert.AreEqual(tokenizer.Encode("", null, 9).Tokens.Length, tokenizer.SpecialTokens(pair: false));
            Assert.AreEqual(tokenizer.Encode("", "", 9).Tokens.Length, tokenizer.SpecialTokens(pair: true));
        }
    }

    [TestMethod]
    public void The_separator_is_the_token_after_each_text()
    {
        using var bert = TokenizerFolder.WordPiece("{}", "a");
        using var roberta = TokenizerFolder.ByteLevel("{}");

        Assert.AreEqual(Separator, bert.Load().SeparatorId);
        Assert.AreEqual(TokenizerFolder.ByteLevelIds()["</s>"], roberta.Load("roberta").SeparatorId);
    }

    [TestMethod]
    public void Tokens_made_already_are_surrounded_as_encoding_does()
    {
        using var bert = TokenizerFolder.WordPiece("{}", "a", "b");
        using var roberta = TokenizerFolder.ByteLevel("{}");

        foreach (var tokenizer in new[] { bert.Load(), roberta.Load("roberta") })
        {
            foreach (var second in new[] { null, "b b", "" })
            {
                var expected = tokenizer.Encode("a b a", second, 99);
                var found = tokenizer.Surround(tokenizer.Tokenize("a b a"), second is null ? null : tokenizer.Tokenize(second));

                CollectionAssert.AreEqual(expected.Tokens, found.Tokens);
                CollectionAssert.AreEqual(expected.Segments, found.Segments);
                Assert.AreEqual((expected.SecondStart, 0), (found.SecondStart, found.DroppedTokens));
            }
        }
    }
}
