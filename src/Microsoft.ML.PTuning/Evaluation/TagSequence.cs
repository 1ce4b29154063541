namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>An entity as words of a row: [Start, End).</summary>
internal readonly record struct TaggedSpan(int Start, int End, string Type);

/// <summary>From a row's tags to its entities, and back.</summary>
/// <remarks>A tag is <c>O</c>, or a prefix, '-' and a type (<c>B-PER</c>, <c>I-ARGM-LOC</c>): the first '-' ends the prefix.</remarks>
internal static class TagSequence
{
    /// <summary>The tag of a word outside of entities.</summary>
    public const string Outside = "O";

    /// <summary>The entities, in their order.</summary>
    /// <exception cref="FormatException">One of them is no tag.</exception>
    public static IReadOnlyList<TaggedSpan> Spans(IReadOnlyList<string> tags, EntityReading reading)
    {
        var spans = new List<TaggedSpan>();
        var previous = Tag.Outside;
        var start = -1; // Where the entity that is open began; -1 outside of entities.
        for (var word = 0; word <= tags.Count; word++)
        {
            var tag = word < tags.Count ? Tag.Parse(tags[word]) : Tag.Outside;
            var begins = reading == EntityReading.Strict ? tag.Prefix == 'B' : tag.BeginsAfter(previous);
            var goesOn = start >= 0 && !begins && tag.Type == previous.Type && (reading == EntityReading.Lenient || tag.Prefix == 'I');
            if (start >= 0 && !goesOn)
            {
                spans.Add(new TaggedSpan(start, word, previous.Type!));
                start = -1;
            }
            if (begins)
                start = word;
            previous = tag;
        }
        return spans;
    }

    /// <summary>The tags of a row in IOB2: B- at an entity's first word, I- at its others.</summary>
    /// <exception cref="ArgumentException">The entities overlap or leave the row.</exception>
    public static string[] ToIob2(IEnumerable<TaggedSpan> spans, int length)
    {
        var tags = new string[length];
        Array.Fill(tags, Outside);
        foreach (var (start, end, type) in spans)
        {
            if (start < 0 || start >= end || end > length)
                throw new ArgumentException($"The entity {type} [{start}, {end}) is empty or not within a row of {length} words.", nameof(spans));
            if (tags.AsSpan(start, end - start).ContainsAnyExcept(Outside))
                throw new ArgumentException(
                    $"The entity {type} [{start}, {end}) overlaps another one. A word has one tag; give disjoint entities.", nameof(spans));

            tags.AsSpan(start, end - start).Fill("I-" + type);
            tags[start] = "B-" + type;
        }
        return tags;
    }

    /// <summary>Whether it is <c>O</c>, or one of B, I, E, S, L, U with '-' and a type behind it.</summary>
    public static bool IsTag(string tag) => tag == Outside || (tag.Length > 2 && tag[1] == '-' && "BIESLU".Contains(tag[0]));

    /// <summary>Whether it stands for no entity: <c>O</c>, or what data for ML.NET's own trainer has, <c>0</c> and the empty text.</summary>
    public static bool IsOutside(string tag) => tag is Outside or "0" or "";

    /// <summary>The same as <c>O</c>, or a type behind a prefix: a type without one continues the entity before it, if that has the same type.</summary>
    public static string ToPrefixed(string tag) => IsOutside(tag) ? Outside : IsTag(tag) ? tag : "I-" + tag;

    /// <summary>Whether tags name entities: types behind prefixes, or types beside a tag that stands for no entity. Parts of speech do not.</summary>
    public static bool NamesEntities(IEnumerable<string> tags)
    {
        var all = tags.ToLookup(tag => IsOutside(tag) ? Kind.Outside : IsTag(tag) ? Kind.Prefixed : Kind.Plain);
        return all.Contains(Kind.Prefixed) != all.Contains(Kind.Plain) && (all.Contains(Kind.Prefixed) || all.Contains(Kind.Outside));
    }

    /// <summary>Whether all are tags and one of them names a type: labels of entities, unlike parts of speech.</summary>
    public static bool IsChunkTagSet(IEnumerable<string> tags)
    {
        var namesType = false;
        foreach (var tag in tags)
        {
            if (!IsTag(tag))
                return false;
            namesType |= tag != Outside;
        }
        return namesType;
    }

    private enum Kind
    {
        Outside,
        Prefixed,
        Plain,
    }

    private readonly record struct Tag(char Prefix, string? Type)
    {
        public static readonly Tag Outside = new('O', null);

        private bool EndsEntity => Prefix is 'E' or 'L' or 'S' or 'U';

        public static Tag Parse(string tag) =>
            !IsTag(tag)
                ? throw new FormatException($"Expected a tag, 'O' or a type behind one of B-, I-, E-, S-, L-, U- such as 'B-PER'; found '{tag}'.")
                : tag == TagSequence.Outside ? Outside : new Tag(tag[0], tag[2..]);

        public bool BeginsAfter(Tag previous) =>
            Type is not null && (Prefix is 'B' or 'S' or 'U' || previous.Type != Type || previous.EndsEntity);
    }
}
