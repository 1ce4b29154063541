using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

/// <summary>ROUGE: examples of the paper, published scores of rouge_score and ROUGE-1.5.5, and cases worked by hand.</summary>
[TestClass]
public sealed class RougeTests
{
    /// <summary>rouge_scorer_test.py of google-research, the F of its first tests.</summary>
    [TestMethod]
    [DataRow("testing", "testing one two", 1.0 / 2, 0, 1.0 / 2)]
    [DataRow("testing one", "testing one two", 4.0 / 5, 2.0 / 3, 4.0 / 5)]
    [DataRow("testing two", "testing one two", 4.0 / 5, 0, 4.0 / 5)]
    [DataRow("", "testing one two", 0, 0, 0)]
    [DataRow("/", "w1 w2 w3 w4 w5", 0, 0, 0)]
    [DataRow("w1", "", 0, 0, 0)]
    public void Scores_are_those_of_rouge_score(string predicted, string reference, double rouge1, double rouge2, double rougeL) =>
        Check(predicted, reference, rouge1, rouge2, rougeL, 1e-12);

    /// <summary>The same file's scores of ROUGE-1.5.5, to five digits, and rouge/testdata.</summary>
    [TestMethod]
    [DataRow(
        "rFDJCRtion Ht-LM EKtDXkME,yz'RBr q'wer wrojNbN wL,b .a-'XdQggyFl jB-RPP'iyOIcUxi",
        "ZfbCUIUuePaiLVUlCaUXxkpu XPeWing tUHfPMuZ',-Xd Y BrUgVJing M-HV.-DgdDaY.rFDJCRing Ht-LM EKBDXkME,yz'RBr q'wtion wIojNbN wL,b "
            + ".a-'XdQggyFl jB-RPP'iyOIcUxer tKM L",
        0.51163, 0.39024, 0.51163)]
    [DataRow(
        "n cw-WeFyu vC MoBL Xdn g wkvcEiGvKtion BDFhrpMer pstion sbKao Q m qier LMmed HqqLFXe,XPY,J XsurkMeo ,ed "
            + "nB'wH'bWVHjWFEer tQ.saefZwJtKrTlixYpMMNJtion UCAPwNHeYVjD",
        "KsJdPByEtAor fE-Qg Dpdbring cw-WeFyu vC MoBL Xdn g wkvcEiGvKtion BDFhrpMtion psing sbKao Q m qiing LMmer HqqLFXe,XPY,J XsurkMer ,ed "
            + "nB'wH'bWVHjWFEing tQ.saefZwJtKrTlixYpMMsJing UCAPwNHeYVjDing c T BUySKtion gMPfJpwGw p'NvxAoping eu pBwMBKV'I "
            + "DNxqelhu,PHPxDEq,mtion SN",
        0.5, 0.36364, 0.5)]
    public void Scores_are_those_of_ROUGE_155(string predicted, string reference, double rouge1, double rouge2, double rougeL) =>
        Check(predicted, reference, rouge1, rouge2, rougeL, 5e-6);

    /// <summary>Lin 2004, section 3.1; all are of "police killed the gunman".</summary>
    [TestMethod]
    [DataRow("police kill the gunman", 3.0 / 4, 1.0 / 3, 3.0 / 4)]
    [DataRow("the gunman kill police", 3.0 / 4, 1.0 / 3, 2.0 / 4)]
    [DataRow("the gunman police killed", 4.0 / 4, 2.0 / 3, 2.0 / 4, DisplayName = "One of two sequences, not both")]
    public void Order_counts_for_the_longest_sequence(string predicted, double rouge1, double rouge2, double rougeL) =>
        Check(predicted, "police killed the gunman", rouge1, rouge2, rougeL, 1e-12);

    [TestMethod]
    [DataRow("the the the cat", "the cat", 4.0 / 6, 2.0 / 4, 4.0 / 6, DisplayName = "A word counts as often as the reference has it")]
    [DataRow("a b c d", "a x b y c z d", 8.0 / 11, 0, 8.0 / 11, DisplayName = "With gaps")]
    [DataRow("The CAT, sat!", "the cat sat", 1, 1, 1)]
    [DataRow("cat", "cat", 1, 0, 1, DisplayName = "One word has no pair")]
    [DataRow("日本の空", "日本の海", 3.0 / 4, 2.0 / 3, 3.0 / 4)]
    public void Words_are_compared(string predicted, string reference, double rouge1, double rouge2, double rougeL) =>
        Check(predicted, reference, rouge1, rouge2, rougeL, 1e-12);

    [TestMethod]
    [DataRow("It's 3.5_m: don't!", "it s 3 5 m don t")]
    [DataRow("Größe ΣΟΦΊΑ Привет", "größe σοφία привет", DisplayName = "Letters of other scripts")]
    [DataRow("cafe\u0301 caf\u00e9", "cafe\u0301 caf\u00e9", DisplayName = "Accents do not cut words; their forms differ")]
    [DataRow("हिन्दी भाषा", "हिन्दी भाषा", DisplayName = "Vowel signs belong to their word")]
    [DataRow("iPhone用のGPT-4。", "iphone 用 の gpt 4", DisplayName = "Ideographs and kana are words")]
    [DataRow("か\u3099き・ク", "か\u3099 き ク", DisplayName = "A mark stays with its kana")]
    [DataRow("𠮷野家", "𠮷 野 家", DisplayName = "Ideographs beyond 16 bits")]
    [DataRow("한국어 문장", "한국어 문장", DisplayName = "Korean has spaces")]
    [DataRow("ok ❤\ufe0f 👍", "ok", DisplayName = "Emojis are no words")]
    [DataRow("\u0301", "")]
    public void Text_is_split(string text, string expected) => Assert.AreEqual(expected, string.Join(' ', Rouge.Words(text)));

    private static void Check(string predicted, string reference, double rouge1, double rouge2, double rougeL, double tolerance)
    {
        var (words, referenceWords) = (Rouge.Words(predicted), Rouge.Words(reference));

        Assert.AreEqual(rouge1, Rouge.NgramF1(words, referenceWords, 1), tolerance, "ROUGE-1");
        Assert.AreEqual(rouge2, Rouge.NgramF1(words, referenceWords, 2), tolerance, "ROUGE-2");
        Assert.AreEqual(rougeL, Rouge.SubsequenceF1(words, referenceWords), tolerance, "ROUGE-L");
    }
}
