namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>How often a text has each of its n-grams: n neighbouring tokens, which are words or characters.</summary>
internal sealed class NgramCounts
{
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <param name="tokens">None of them contains a space.</param>
    public NgramCounts(string[] tokens, int n)
    {
        Total = Math.Max(0, tokens.Length - n + 1);
        for (var first = 0; first < Total; first++)
        {
            var ngram = string.Join(' ', tokens, first, n);
            _counts[ngram] = _counts.GetValueOrDefault(ngram) + 1;
        }
    }

    /// <summary>All n-grams, each as often as the text has it.</summary>
    public int Total { get; }

    /// <summary>The n-grams that are in one of the references, each at most as often as the reference has it that has it most often.</summary>
    public int CountIn(params NgramCounts[] references) =>
        _counts.Sum(ngram => Math.Min(ngram.Value, references.Max(reference => reference._counts.GetValueOrDefault(ngram.Key))));
}
