using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>A text and the position of its first token, which the trunk's output depends on. Compared by value.</summary>
/// <param name="Offset">Positions that a prefix takes before the text.</param>
internal sealed record PlacedText(EncodedRow Text, int Offset)
{
    public bool Equals(PlacedText? other) =>
        other is not null && Offset == other.Offset
        && (ReferenceEquals(Text, other.Text)
            || (Text.Ids.AsSpan().SequenceEqual(other.Text.Ids) && Text.Segments.AsSpan().SequenceEqual(other.Text.Segments)));

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Offset);
        hash.AddBytes(MemoryMarshal.AsBytes(Text.Ids.AsSpan()));
        return hash.ToHashCode();
    }
}
