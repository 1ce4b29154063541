using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tokenization;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>An encoder of 8 hidden units and 16 positions with random weights, whose vocabulary is <see cref="Tickets.Words"/>: trains in milliseconds, learns little.</summary>
internal sealed class TinyEncoder : IDisposable
{
    private readonly TinyCheckpoint _checkpoint;

    /// <param name="checkpoint">Of another family; null for a BERT. It is freed with this.</param>
    public TinyEncoder(TinyCheckpoint? checkpoint = null)
    {
        _checkpoint = (checkpoint ?? new TinyCheckpoint()).Save();
        File.WriteAllLines(System.IO.Path.Combine(Path, "vocab.txt"), [.. TokenizerFolder.BertTokens, .. Tickets.Words]);
    }

    public string Path => _checkpoint.Path;

    public TinyCheckpoint Checkpoint => _checkpoint;

    /// <summary>Options that train on this encoder quickly.</summary>
    public PTuningV2Trainer.MulticlassOptions Options(string textColumn = "Text") => new()
    {
        Sentence1ColumnName = textColumn,
        Backbone = Path,
        PrefixLength = 3,
        MaxLength = 12,
        MaxEpochs = 1,
        Advanced = { Shards = 2 },
        Seed = 1,
    };

    public void Dispose() => _checkpoint.Dispose();
}
