namespace Microsoft.ML.PTuning;

/// <summary>How near generated texts are to their references, 0 to 1. (sacreBLEU prints 0 to 100.)</summary>
/// <remarks>
/// <para>
/// BLEU and chrF are of all rows together, ROUGE and exact match are means over the rows. A row may have several references. Texts are compared
/// character by character, so an accent that is a character of its own on one side only is a difference; normalise both sides before, if needed.
/// </para>
/// <para>
/// <see cref="Bleu"/> needs spaces between words. For Chinese, Japanese or Thai, <see cref="ChrF"/> is the figure to read. All figures count
/// what is written, not what is meant: compare models by them on the same rows only.
/// </para>
/// </remarks>
public sealed class TextGenerationMetrics
{
    internal TextGenerationMetrics(
        double bleu, double rouge1, double rouge2, double rougeL, double chrF, double exactMatch, int count, int skippedRows)
    {
        (Bleu, ChrF, ExactMatch, Count, SkippedRows) = (bleu, chrF, exactMatch, count, skippedRows);
        (Rouge1, Rouge2, RougeL) = (rouge1, rouge2, rougeL);
    }

    /// <summary>BLEU of all rows: <c>BP · (p1 · p2 · p3 · p4)^(1/4)</c> (Papineni et al. 2002), by sacreBLEU's defaults (Post 2018).</summary>
    /// <remarks>
    /// <para>
    /// <c>pn</c> is the share of the predicted sequences of n words that are in a reference of their row, each at most as often as there. BP is
    /// <c>min(1, exp(1 - r / c))</c>, with the number of predicted words c, and r of the references that are nearest in length. Upper and lower
    /// case differ; words are split as by mteval-v13a.
    /// </para>
    /// <para>
    /// The k-th <c>pn</c> without a match counts as if 1 / 2^k sequences matched (Chen &amp; Cherry 2014). BLEU is 0 if no word matches, or if no
    /// prediction has four words, even if all are right.
    /// </para>
    /// </remarks>
    public double Bleu { get; }

    /// <summary>ROUGE-1: mean over the rows of the F1 of words, the highest over the row's references (Lin 2004).</summary>
    /// <remarks>
    /// <c>2 · m / (c + r)</c>, with m words in common, c predicted ones and r of the reference. Words are lower-cased letters and digits. Of ASCII
    /// text this is what rouge_score of google-research measures without stemming. That program drops other characters; here letters of all
    /// scripts count, and each Chinese or Japanese character is a word.
    /// </remarks>
    public double Rouge1 { get; }

    /// <summary>ROUGE-2: as <see cref="Rouge1"/>, of two neighbouring words; 0 for a row with fewer words.</summary>
    public double Rouge2 { get; }

    /// <summary>ROUGE-L: as <see cref="Rouge1"/>, of the longest sequence of words that both have in this order, with gaps.</summary>
    /// <remarks>It is that of the sentence level: a text is one sentence.</remarks>
    public double RougeL { get; }

    /// <summary>chrF2 of all rows: <c>5 · P · R / (4 · P + R)</c> of character n-grams (Popović 2015), by sacreBLEU's defaults.</summary>
    /// <remarks>
    /// P and R are the means of precision and recall over sequences of 1 to 6 characters, without white space; lengths that the predictions or the
    /// references do not have are left out. Of several references, the one with the highest chrF for the row counts.
    /// </remarks>
    public double ChrF { get; }

    /// <summary>The share of rows whose text is one of its references, without the white space at both ends.</summary>
    public double ExactMatch { get; }

    /// <summary>Rows that were measured.</summary>
    public int Count { get; }

    /// <summary>Rows that were left out because they have no reference: none, or empty texts only.</summary>
    public int SkippedRows { get; }
}
