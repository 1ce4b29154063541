namespace Microsoft.ML.PTuning;

/// <summary>Where the first token of a text stands when a prefix is put before it.</summary>
public enum PositionOffset
{
    /// <summary>Token t takes position P + t, as in the official code of P-Tuning v2 and in PEFT: the prefix uses up the first P positions.</summary>
    Prefix,

    /// <summary>Token t takes position t, as if there were no prefix (Li &amp; Liang 2021): all positions are left to the text.</summary>
    None,
}
