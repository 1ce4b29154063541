namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Finds the kind of a column's tags: types behind prefixes, or types alone.</summary>
/// <param name="column">The column's name, for messages.</param>
internal sealed class TagKind(string column)
{
    private string? _prefixed;

    /// <summary>A type without a prefix; null where none was met.</summary>
    public string? Plain { get; private set; }

    /// <summary>Whether a tag was met that stands for no entity.</summary>
    public bool HasOutside { get; private set; }

    /// <exception cref="ArgumentOutOfRangeException">The column has tags of both kinds.</exception>
    public void Add(string tag)
    {
        if (TagSequence.IsOutside(tag))
            HasOutside = true;
        else if (TagSequence.IsTag(tag))
            _prefixed ??= tag;
        else
            Plain ??= tag;

        if (_prefixed is not null && Plain is not null)
            throw new ArgumentOutOfRangeException(column,
                $"Column '{column}' has the tag '{Plain}' beside the tag '{_prefixed}'. Expected types behind B-, I-, E-, S-, L-, U- only, or types "
                + "without such prefixes only; map or drop the other ones.");
    }
}
