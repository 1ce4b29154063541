using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>The rows of a golden file of a language model: the text, what the decoder reads, and what should follow.</summary>
internal static class WrittenRows
{
    private const long Ignored = -100;

    public static IReadOnlyList<ExamplePart> Of(GoldenEncoder golden)
    {
        var (ids, labels) = (Rows(golden.Batch.Ids), Rows(golden.Tensors["input.labels"]));
        return golden.Tensors.TryGetValue("input.decoder_input_ids", out var decoder)
            ? [.. ids.Select((row, i) => EncoderAndDecoder(row.Take(Tokens(i)), Rows(decoder)[i], labels[i], golden))]
            : [.. ids.Select((row, i) => DecoderOnly(row, labels[i]))];

        int Tokens(int row) => (int)Rows(golden.Batch.Mask!.to(ScalarType.Int64))[row].Sum();
    }

    /// <summary>The decoder begins with the token before the first label that is not the row's first: it foresees that.</summary>
    private static TextPart DecoderOnly(long[] ids, long[] labels)
    {
        var (first, last) = (Math.Max(1, Array.FindIndex(labels, label => label != Ignored)), Array.FindLastIndex(labels, label => label != Ignored));
        return Part(ids[..(first - 1)], ids[(first - 1)..last], labels[first..(last + 1)]);
    }

    private static TextPart EncoderAndDecoder(IEnumerable<long> ids, long[] decoder, long[] labels, GoldenEncoder golden)
    {
        var pad = BackboneConfiguration.Read(golden.Directory).PadTokenId;
        var count = Array.FindLastIndex(labels, label => label != pad) + 1;
        return Part([.. ids], decoder[..count], labels[..count]);
    }

    private static TextPart Part(long[] ids, long[] decoder, long[] next) => new(
        new EncodedRow(Ints(ids), new int[ids.Length]) { DecoderIds = Ints(decoder), NextIds = Ints(next) }, Tokenizer: null!);

    private static int[] Ints(long[] ids) => Array.ConvertAll(ids, id => (int)id);

    private static long[][] Rows(Tensor tensor) => [.. tensor.data<long>().ToArray().Chunk((int)tensor.size(1))];
}
