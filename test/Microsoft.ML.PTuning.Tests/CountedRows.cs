using System.Collections;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Rows that know how often they were read from the first one on.</summary>
internal sealed class CountedRows<T>(IReadOnlyList<T> rows) : IEnumerable<T>
{
    private int _walks;

    public int Walks => _walks;

    public IEnumerator<T> GetEnumerator()
    {
        Interlocked.Increment(ref _walks);
        return rows.GetEnumerator();
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
