using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

/// <summary>BLEU: examples of the paper, published scores of sacreBLEU, NLTK and evaluate, and cases worked by hand.</summary>
[TestClass]
public sealed class BleuCounterTests
{
    private const string Guide = "It is a guide to action which ensures that the military always obeys the commands of the party";

    private static readonly string[] s_guideReferences =
    [
        "It is a guide to action that ensures that the military will forever heed Party commands",
        "It is the guiding principle which guarantees the military forces always being under the command of the Party",
        "It is the practical guide for the army always to heed the directions of the party",
    ];

    /// <summary>Examples 1 and 2 of Papineni et al. 2002, section 2.1.</summary>
    [TestMethod]
    public void Words_count_as_often_as_a_reference_has_them()
    {
        CollectionAssert.AreEqual(
            new[] { (2L, 7L), (0, 6), (0, 5), (0, 4) },
            Of(("the the the the the the the", ["the cat is on the mat", "there is a cat on the mat"])).Ngrams.ToArray());
        CollectionAssert.AreEqual(
            new[] { (17L, 18L), (10, 17) }, Of((Guide, s_guideReferences)).Ngrams.Take(2).ToArray());
        CollectionAssert.AreEqual(
            new[] { (8L, 14L), (1, 13) },
            Of(("It is to insure the troops forever hearing the activity guidebook that party direct", s_guideReferences)).Ngrams.Take(2).ToArray());
    }

    /// <summary>The documentation of NLTK's bleu_score: 0.5045… and 0.5920….</summary>
    [TestMethod]
    public void N_grams_are_summed_over_rows()
    {
        var (book, bookReference) = (
            "he read the book because he was interested in world history", "he was interested in world history because he read the book");

        var one = Of((Guide, s_guideReferences)).Score;
        var two = Of((Guide, s_guideReferences), (book, [bookReference])).Score;

        Assert.AreEqual(Math.Pow(17.0 / 18 * 10 / 17 * 7 / 16 * 4 / 15, 0.25), one, 1e-12);
        Assert.AreEqual(Math.Pow((17.0 + 11) / 29 * (10 + 9) / 27 * (7 + 6) / 25 * (4 + 4) / 23, 0.25), two, 1e-12);
        Assert.AreEqual((0.5045, 0.5920), (Math.Truncate(one * 1e4) / 1e4, Math.Truncate(two * 1e4) / 1e4));
    }

    /// <summary>sacreBLEU's test_bleu.py, whose two files of references have one text per row; within its 1e-8 of 100.</summary>
    [TestMethod]
    public void Scores_are_those_of_sacrebleu()
    {
        var counter = Of(
            ("The dog bit the man.", ["The dog bit the man.", "The dog had bit the man."]),
            ("It wasn't surprising.", ["It was not unexpected.", "No one was surprised."]),
            ("The man had just bitten him.", ["The man bit him first.", "The man had bitten the dog."]));

        Assert.AreEqual(0.48530827, counter.Score, 1e-10);
    }

    /// <summary>sacreBLEU's test_sentence_bleu.py, within its 1e-3 of 100: its smoothing of zero counts. The letters ț and ţ differ.</summary>
    [TestMethod]
    [DataRow("Producția de zahăr primă va fi exprimată în ceea ce privește zahărul alb;", "producţia de zahăr brut se exprimă în zahăr alb;", 0.08493)]
    [DataRow("this is a cat", "okay thanks", 0)]
    public void Zero_counts_are_smoothed_as_in_sacrebleu(string predicted, string reference, double expected) =>
        Assert.AreEqual(expected, Of((predicted, [reference])).Score, 1e-5);

    /// <summary>The documentation of evaluate's sacrebleu.</summary>
    [TestMethod]
    public void Several_references_are_one_pool_of_n_grams()
    {
        var counter = Of(
            ("hello there general kenobi", ["hello there general kenobi", "hello there !"]),
            ("on our way to ankh morpork", ["goodbye ankh morpork", "ankh morpork"]));

        CollectionAssert.AreEqual(new[] { (6L, 10L), (4, 8), (2, 6), (1, 4) }, counter.Ngrams.ToArray());
        Assert.AreEqual(0.3976353643835252, counter.Score, 1e-12);
    }

    /// <summary>sacreBLEU's test_bleu.py has the counts: 4 of 6, 2 of 5, 1 of 4, 0 of 3. The length is 6 against 8.</summary>
    [TestMethod]
    public void Zero_count_is_half_a_match()
    {
        var counter = Of(("am I am a character sequence", ["I am a symbol string sequence a a"]));

        CollectionAssert.AreEqual(new[] { (4L, 6L), (2, 5), (1, 4), (0, 3) }, counter.Ngrams.ToArray());
        Assert.AreEqual(Math.Exp(1 - (8.0 / 6)) * Math.Pow(4.0 / 6 * 2 / 5 * 1 / 4 * 0.5 / 3, 0.25), counter.Score, 1e-12);
    }

    /// <summary>Right: 2 of 5 words, 0 of 4 pairs, 0 of 3, 0 of 2, which count as 1/2, 1/4 and 1/8.</summary>
    [TestMethod]
    public void Each_further_zero_count_is_half_of_the_one_before() =>
        Assert.AreEqual(Math.Pow(2.0 / 5 * 0.5 / 4 * 0.25 / 3 * 0.125 / 2, 0.25), Of(("a x b y z", ["a b c d e"])).Score, 1e-12);

    /// <summary>The documentation of NLTK's brevity_penalty, its lengths as texts.</summary>
    [TestMethod]
    [DataRow(12, "12 15 17", 1.0)]
    [DataRow(12, "28 28", 0.2635971381157267)]
    [DataRow(12, "13 2", 0.9200444146293233, DisplayName = "The nearest length: exp(1 - 13/12)")]
    [DataRow(12, "13 11", 1.0, DisplayName = "The shorter one of two that are as near")]
    [DataRow(12, "11 13", 1.0)]
    [DataRow(0, "3", 0.0)]
    public void Short_predictions_are_penalised(int words, string references, double expected) =>
        Assert.AreEqual(expected, Of((Repeated(words), [.. references.Split(' ').Select(length => Repeated(int.Parse(length)))])).BrevityPenalty, 1e-12);

    [TestMethod]
    [DataRow("a b c d", "a b c d", 1.0)]
    [DataRow("a b c", "a b c", 0.0, DisplayName = "No four words, as in sacreBLEU")]
    [DataRow("", "a b c d", 0.0)]
    [DataRow("A B C D", "a b c d", 0.0, DisplayName = "Case counts")]
    [DataRow("今日は晴れです", "今日は晴れです", 0.0, DisplayName = "One word")]
    [DataRow("e\u0301 b c d", "\u00e9 b c d", 0.5946035575013605, DisplayName = "Another form of é: (3/4 · 2/3 · 1/2 · 1/2)^(1/4)")]
    public void Edge_cases(string predicted, string reference, double expected) =>
        Assert.AreEqual(expected, Of((predicted, [reference])).Score, 1e-12);

    /// <summary>Words 4 + 3 of 7, pairs 3 + 2 of 5, 2 + 1 of 3, 1 of 1.</summary>
    [TestMethod]
    public void Row_with_few_words_counts_for_short_n_grams() =>
        Assert.AreEqual(1, Of(("a b c d", ["a b c d"]), ("e f g", ["e f g"])).Score, 1e-12);

    /// <summary>Words 4 of 4, pairs 3 of 3, and so on; the length is 4 against 4 + 4.</summary>
    [TestMethod]
    public void Row_without_prediction_counts_by_its_length() =>
        Assert.AreEqual(Math.Exp(-1), Of(("a b c d", ["a b c d"]), ("", ["e f g h"])).Score, 1e-12);

    private static BleuCounter Of(params (string Predicted, string[] References)[] rows)
    {
        var counter = new BleuCounter();
        foreach (var (predicted, references) in rows)
            counter.Add(predicted, references);
        return counter;
    }

    private static string Repeated(int words) => string.Join(' ', Enumerable.Repeat("a", words));
}
