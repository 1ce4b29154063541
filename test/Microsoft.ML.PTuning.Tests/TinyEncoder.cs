using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tokenization;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>An encoder of 8 hidden units and 16 positions with random weights, whose vocabulary is <see cref="Tickets.Words"/>: trains in milliseconds, learns little.</summary>
internal sealed class TinyEncoder : IDisposable
{
    private readonly TinyCheckpoint _checkpoint = new TinyCheckpoint().Save();

    public TinyEncoder() =>
        File.WriteAllLines(System.IO.Path.Combine(Path, "vocab.txt"), [.. TokenizerFolder.BertTokens, .. Tickets.Words]);

    public string Path => _checkpoint.Path;

    public TinyCheckpoint Checkpoint => _checkpoint;

    /// <summary>Options that train on this encoder quickly.</summary>
    public PTuningV2Trainer.Options Options(string textColumn = "Text") => new()
    {
        Sentence1ColumnName = textColumn,
        Backbone = Path,
        PrefixLength = 3,
        MaxLength = 12,
        MaxEpochs = 1,
        Shards = 2,
        Seed = 1,
    };

    public void Dispose() => _checkpoint.Dispose();
}

/// <summary>A model of the tickets' topics on a <see cref="TinyEncoder"/>.</summary>
internal sealed class TinyModel : IDisposable
{
    private readonly TinyEncoder _encoder = new();

    /// <param name="rows">Rows of <see cref="Data"/>; trained is on the first 24.</param>
    public TinyModel(int rows = 24)
    {
        Rows = Tickets.Rows(rows);
        Data = Tickets.Keyed(MLContext, Rows);
        Transformer = MLContext.MulticlassClassification.Trainers.PTuningV2(_encoder.Options()).Fit(MLContext.Data.TakeRows(Data, 24));
    }

    public MLContext MLContext { get; } = new(1);

    public IReadOnlyList<Ticket> Rows { get; }

    public IDataView Data { get; }

    public PTuningV2Transformer Transformer { get; }

    public TinyEncoder Encoder => _encoder;

    public IReadOnlyList<TopicScores> Score(PTuningV2Transformer? transformer = null) => Scores.Read(MLContext, (transformer ?? Transformer).Transform(Data));

    public byte[] Save(bool halfPrecision = false)
    {
        using var stream = new MemoryStream();
        Transformer.SaveTo(stream, halfPrecision);
        return stream.ToArray();
    }

    public PTuningV2Transformer Load(byte[] zip) => PTuningV2Transformer.LoadFrom(MLContext, new MemoryStream(zip));

    public void Dispose()
    {
        Transformer.Dispose();
        _encoder.Dispose();
    }
}

internal static class Scores
{
    public static IReadOnlyList<TopicScores> Read(MLContext mlContext, IDataView scored) =>
        [.. mlContext.Data.CreateEnumerable<TopicScores>(scored, reuseRowObject: false)];

    public static void AssertEqual(IReadOnlyList<TopicScores> expected, IReadOnlyList<TopicScores> actual, float tolerance = 0)
    {
        Assert.HasCount(expected.Count, actual);
        for (var row = 0; row < expected.Count; row++)
        {
            Assert.HasCount(expected[row].Score.Length, actual[row].Score);
            for (var slot = 0; slot < expected[row].Score.Length; slot++)
                Assert.AreEqual(expected[row].Score[slot], actual[row].Score[slot], tolerance, $"row {row}, slot {slot}");
        }
    }
}
