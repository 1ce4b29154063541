using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Embeds texts with a frozen encoder without a prefix: the mean of a text's last hidden states, scaled to length 1.</summary>
/// <remarks>
/// As sentence-transformers does (Reimers &amp; Gurevych 2019): the mean is over all tokens, special tokens included, padding excluded.
/// Safe for any number of threads.
/// </remarks>
internal sealed class TextEmbedder : IDisposable
{
    private readonly OpenBackbone _opened;
    private readonly Device _device;

    /// <param name="environment">Chooses the device, as for a trainer.</param>
    /// <param name="backbone">A folder, a hub id, or null for the default encoder.</param>
    /// <exception cref="DirectoryNotFoundException">The encoder is not on this machine.</exception>
    public TextEmbedder(IHostEnvironment environment, string? backbone)
    {
        TorchNative.EnsureLoaded();
        _device = HostEnvironment.DeviceOf(environment, gpuDeviceId: null, fallbackToCpu: null, warn: _ => { });
        _opened = BackboneLibrary.Open(backbone, _device);
    }

    public BackboneDescription Description => _opened.Description;

    /// <summary>Numbers of an embedding, H.</summary>
    public int Size => Backbone.Configuration.HiddenSize;

    private Backbone Backbone => _opened.Lease.Backbone;

    /// <param name="maxLength">Most tokens of a text, special tokens included; the rest is cut off.</param>
    /// <param name="cancellationToken">Checked before every batch.</param>
    /// <returns>The embedding of each text, in the order of <paramref name="texts"/>.</returns>
    public float[][] Embed(IReadOnlyList<string> texts, int maxLength, CancellationToken cancellationToken = default)
    {
        var rows = new EncodedRow[texts.Count];
        WorkerThreads.Shared.Run(rows.Length, i => rows[i] = EncodedRow.Of(_opened.Lease.Tokenizer.Encode(texts[i], null, maxLength)));

        var embeddings = new float[texts.Count][];
        var batches = Predictor.Plan([.. rows.Select(row => row.Length)], [.. rows.Select(_ => 1)], _device);
        if (_device.type == DeviceType.CPU)
            WorkerThreads.Shared.Run(batches.Count, RunBatch);
        else
            for (var i = 0; i < batches.Count; i++)
                RunBatch(i);
        return embeddings;

        void RunBatch(int index)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var batch = batches[index];
            var values = Embed([.. batch.Select(row => rows[row])]);
            for (var i = 0; i < batch.Length; i++)
                embeddings[batch[i]] = values[i];
        }
    }

    public void Dispose() => _opened.Lease.Dispose();

    private float[][] Embed(EncodedRow[] rows)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var batch = EncodedRow.Collate(rows, _opened.Lease.Tokenizer.PadId, _device) with { BetweenLayers = WorkerThreads.RunUrgent };
        var pooled = MeanPooling.Pool(Backbone.Forward(batch), batch.Mask); // [B, H]
        return [.. pooled.cpu().data<float>().ToArray().Chunk(Size)];
    }
}
