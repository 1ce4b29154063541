namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Sums the metrics of generated texts over rows.</summary>
internal sealed class TextGenerationCounter
{
    private readonly BleuCounter _bleu = new();
    private readonly ChrfCounter _chrf = new();
    private double _rouge1, _rouge2, _rougeL;
    private int _exact;

    /// <summary>Rows that were counted.</summary>
    public int Rows { get; private set; }

    /// <summary>Rows without a reference.</summary>
    public int Skipped { get; private set; }

    /// <param name="references">Empty texts among them are no references.</param>
    public void Add(string predicted, IReadOnlyList<string> references)
    {
        string[] texts = [.. references.Where(text => !string.IsNullOrWhiteSpace(text))];
        if (texts.Length == 0)
        {
            Skipped++;
            return;
        }
        Rows++;
        _bleu.Add(predicted, texts);
        _chrf.Add(predicted, texts);
        _exact += texts.Any(text => text.Trim() == predicted.Trim()) ? 1 : 0;

        var (words, referenceWords) = (Rouge.Words(predicted), texts.Select(Rouge.Words).ToList());
        _rouge1 += referenceWords.Max(reference => Rouge.NgramF1(words, reference, 1));
        _rouge2 += referenceWords.Max(reference => Rouge.NgramF1(words, reference, 2));
        _rougeL += referenceWords.Max(reference => Rouge.SubsequenceF1(words, reference));
    }

    public TextGenerationMetrics Measure() => new(
        _bleu.Score, _rouge1 / Rows, _rouge2 / Rows, _rougeL / Rows, _chrf.Score, (double)_exact / Rows, Rows, Skipped);
}
