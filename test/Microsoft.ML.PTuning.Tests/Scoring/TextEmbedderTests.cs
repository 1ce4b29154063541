using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Scoring;

[TestClass]
public sealed class TextEmbedderTests
{
    private const int MaxLength = 32;

    // Of 1 to 40 words: several batches, uneven lengths, some texts longer than MaxLength.
    private static readonly string[] Texts = [.. Enumerable.Range(0, 60).Select(i => Words(1 + i * 7 % 40))];

    private readonly TextEmbedder _embedder = new(new MLContext(1), backbone: null);

    [TestCleanup]
    public void Dispose() => _embedder.Dispose();

    [TestMethod]
    public void An_embedding_is_the_mean_of_the_last_hidden_states_at_unit_length()
    {
        float[][] embeddings = _embedder.Embed(Texts, MaxLength);

        using var opened = BackboneLibrary.Open(null, CPU).Lease;
        for (int i = 0; i < Texts.Length; i++)
        {
            var row = EncodedRow.Of(opened.Tokenizer.Encode(Texts[i], null, MaxLength));
            using var hidden = opened.Backbone.Forward(EncodedRow.Collate([row], opened.Tokenizer.PadId, CPU)); // [1, T, H]
            float[] values = hidden.data<float>().ToArray();
            double[] mean = [.. Enumerable.Range(0, _embedder.Size).Select(h => Enumerable.Range(0, row.Length).Average(t => values[t * _embedder.Size + h]))];
            double length = Math.Sqrt(mean.Sum(value => value * value));
            for (int h = 0; h < mean.Length; h++)
                Assert.AreEqual(mean[h] / length, embeddings[i][h], 1e-5, $"text {i}, number {h}");
        }
    }

    [TestMethod]
    public void A_text_is_cut_to_the_greatest_length()
    {
        string[] texts = [string.Join(' ', Enumerable.Repeat("a", 100)), string.Join(' ', Enumerable.Repeat("a", MaxLength - 2))];

        float[][] embeddings = _embedder.Embed(texts, MaxLength);

        CollectionAssert.AreEqual(embeddings[1], embeddings[0]);
    }

    [TestMethod]
    public void No_texts_have_no_embeddings() => Assert.IsEmpty(_embedder.Embed([], MaxLength));

    [TestMethod]
    public void A_length_without_room_for_a_text_is_refused() =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _embedder.Embed(["a"], maxLength: 1));

    [TestMethod]
    public void A_cancelled_embedding_ends()
    {
        var cancelled = new CancellationToken(canceled: true);

        Assert.ThrowsExactly<OperationCanceledException>(() => _embedder.Embed(Texts, MaxLength, cancelled));
    }

    private static string Words(int count) => string.Join(' ', Enumerable.Range(0, count).Select(i => Tickets.Words[i % Tickets.Words.Length]));
}
