using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Text from the tokens of byte-level BPE: their bytes, read as UTF-8.</summary>
/// <remarks>Bytes that are no UTF-8 become U+FFFD, as Python's <c>errors="replace"</c> does it. The beginning of a character waits for its end.</remarks>
/// <param name="bytesOf">The bytes of a token; null for what stands for no text.</param>
internal sealed class ByteLevelDecoder(Func<int, byte[]?> bytesOf) : TokenDecoder
{
    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();

    public override string Add(int id) => bytesOf(id) is { } bytes ? Read(bytes, flush: false) : "";

    public override string Finish() => Read([], flush: true);

    private string Read(byte[] bytes, bool flush)
    {
        var characters = new char[_utf8.GetCharCount(bytes, 0, bytes.Length, flush)];
        return new string(characters, 0, _utf8.GetChars(bytes, 0, bytes.Length, characters, 0, flush));
    }
}
