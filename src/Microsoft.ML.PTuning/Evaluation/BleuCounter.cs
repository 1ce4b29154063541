namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Counts the n-grams of all rows for BLEU (Papineni et al. 2002), as sacreBLEU does by default (Post 2018).</summary>
internal sealed class BleuCounter
{
    private const int Order = 4;

    private readonly (long Right, long All)[] _ngrams = new (long, long)[Order];
    private long _words, _referenceWords;

    /// <summary>Predicted n-grams that a reference has, and all of them; words come first.</summary>
    public IReadOnlyList<(long Right, long All)> Ngrams => _ngrams;

    /// <summary>Lowers the score of predictions that are shorter than their references.</summary>
    public double BrevityPenalty =>
        _words >= _referenceWords ? 1
        : _words > 0 ? Math.Exp(1 - ((double)_referenceWords / _words))
        : 0;

    /// <summary>The geometric mean of the precisions, times the brevity penalty.</summary>
    /// <remarks>
    /// The k-th precision of 0 counts as if 1 / 2^k n-grams were right (method 3 of Chen &amp; Cherry 2014). BLEU is 0 without a right word, and
    /// without a prediction of four words.
    /// </remarks>
    public double Score
    {
        get
        {
            if (_ngrams[0].Right == 0 || _ngrams[^1].All == 0)
                return 0;

            var (logarithms, smoothed) = (0.0, 1.0);
            foreach (var (right, all) in _ngrams)
            {
                if (right == 0)
                    smoothed /= 2;
                logarithms += Math.Log((right > 0 ? right : smoothed) / all);
            }
            return BrevityPenalty * Math.Exp(logarithms / Order);
        }
    }

    /// <param name="references">One or more.</param>
    public void Add(string predicted, IReadOnlyList<string> references)
    {
        var words = Words13a.Split(predicted);
        var referenceWords = references.Select(Words13a.Split).ToArray();
        _words += words.Length;
        _referenceWords += referenceWords.Select(reference => reference.Length).MinBy(length => (Math.Abs(length - words.Length), length));
        for (var n = 1; n <= Order; n++)
        {
            var ngrams = new NgramCounts(words, n);
            var (right, all) = _ngrams[n - 1];
            _ngrams[n - 1] = (right + ngrams.CountIn([.. referenceWords.Select(reference => new NgramCounts(reference, n))]), all + ngrams.Total);
        }
    }
}
