namespace Microsoft.ML.PTuning;

/// <summary>How entities are read from a row's tags where the tags do not keep to their scheme.</summary>
public enum EntityReading
{
    /// <summary>As conlleval reads (Tjong Kim Sang, CoNLL-2000 and after): IOB1, IOB2, BIOES and BILOU alike.</summary>
    /// <remarks>
    /// An entity begins at B-, S- and U-, and at any other tag that follows O, another type, or a tag that ends an entity (E-, L-, S-, U-).
    /// </remarks>
    Lenient,

    /// <summary>IOB2 and nothing else, as seqeval's strict mode reads it: an entity begins at B- only.</summary>
    /// <remarks>An I- that no B- of its type leads to is no entity.</remarks>
    Strict,
}
