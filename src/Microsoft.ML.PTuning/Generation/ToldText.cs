using System.Text;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Generation;

/// <summary>A text that is told piece by piece while it is written, up to the first stop text.</summary>
/// <remarks>Characters that may turn out to begin a stop text are held back until it is clear.</remarks>
/// <param name="onText">Is called with each piece; none is empty.</param>
internal sealed class ToldText(TokenDecoder decoder, IReadOnlyList<string> stops, Action<string> onText)
{
    private readonly int _heldBack = stops.Select(stop => stop.Length - 1).DefaultIfEmpty(0).Max();
    private readonly StringBuilder _text = new();
    private int _told;

    /// <returns>Where the first stop text begins; below 0 for nowhere.</returns>
    public static int StopIn(string text, IReadOnlyList<string> stops) =>
        stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(place => place >= 0).DefaultIfEmpty(-1).Min();

    public void Add(int id) => Tell(decoder.Add(id), _heldBack);

    /// <summary>Tells the rest.</summary>
    public void Finish() => Tell(decoder.Finish(), heldBack: 0);

    private void Tell(string piece, int heldBack)
    {
        _text.Append(piece);
        var text = _text.ToString();
        var stop = StopIn(text, stops);
        var end = stop < 0 ? text.Length - heldBack : stop;
        if (end > 0 && end < text.Length && char.IsHighSurrogate(text[end - 1]))
            end--; // Both halves of a character in one piece.
        if (end <= _told)
            return;

        onText(text[_told..end]);
        _told = end;
    }
}
