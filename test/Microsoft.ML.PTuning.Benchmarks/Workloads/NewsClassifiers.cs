using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Two ways to learn the classes of AG News over the default encoder: a deep prefix, and L-BFGS on what the encoder gives without one.</summary>
/// <remarks>
/// The prefix has the trainer's defaults. The other way is the yardstick <c>embedding</c> of examples/PaperTasks: each text's mean embedding computed
/// once, then a linear model with the penalties that were chosen there.
/// </remarks>
internal sealed class NewsClassifiers : IDisposable
{
    private const string Label = "Label", Features = "Features";
    private const float L1 = 0, L2 = 0.1f;

    private readonly MLContext _context = new(seed: 1);
    private readonly TextEmbedder _embedder;

    public NewsClassifiers() => _embedder = new(_context, backbone: null);

    /// <param name="maxEpochs">Passes over the rows; 0 for the trainer's default.</param>
    public ITransformer FitPrefix(IReadOnlyList<LabelledText> rows, int maxEpochs = 0) => ToKeys()
        .Append(_context.MulticlassClassification.Trainers.PTuningV2(Label, nameof(LabelledText.Sentence1), maxEpochs: maxEpochs))
        .Fit(View(rows));

    public ITransformer FitEmbedding(IReadOnlyList<LabelledText> rows) => ToKeys()
        .Append(_context.MulticlassClassification.Trainers.LbfgsMaximumEntropy(new LbfgsMaximumEntropyMulticlassTrainer.Options
        {
            L1Regularization = L1,
            L2Regularization = L2,
            NumberOfThreads = 1, // So the seed decides everything.
        }))
        .Fit(Embed(rows));

    /// <summary>The texts as they are.</summary>
    public IDataView View(IReadOnlyList<LabelledText> rows) => _context.Data.LoadFromEnumerable(rows);

    /// <summary>The texts' mean embeddings.</summary>
    public IDataView Embed(IReadOnlyList<LabelledText> rows)
    {
        var embeddings = _embedder.Embed([.. rows.Select(row => row.Sentence1)], UntrainedModel.MaxLength);
        var schema = SchemaDefinition.Create(typeof(EmbeddedRow));
        schema[Features].ColumnType = new VectorDataViewType(NumberDataViewType.Single, _embedder.Size);
        return _context.Data.LoadFromEnumerable(rows.Zip(embeddings, (row, embedding) => new EmbeddedRow { Features = embedding, Class = row.Class }), schema);
    }

    /// <summary>Scores rows.</summary>
    /// <returns>The share that the model gives the right class.</returns>
    public double AccuracyOf(ITransformer model, IDataView rows) =>
        _context.MulticlassClassification.Evaluate(model.Transform(rows), Label).MicroAccuracy;

    /// <summary>Bytes of the model on the disk; the encoder, which both need, is in neither.</summary>
    public long SavedBytes(ITransformer model, IDataView rows)
    {
        using var zip = new MemoryStream();
        _context.Model.Save(model, rows.Schema, zip);
        return zip.Length;
    }

    public void Dispose() => _embedder.Dispose();

    private IEstimator<ITransformer> ToKeys() => _context.Transforms.Conversion.MapValueToKey(Label, nameof(LabelledText.Class));

    private sealed class EmbeddedRow
    {
        public float[] Features { get; set; } = [];

        public string Class { get; set; } = "";
    }
}
