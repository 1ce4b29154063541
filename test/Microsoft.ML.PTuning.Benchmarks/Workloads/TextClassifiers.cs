using Microsoft.ML.TorchSharp;
using Microsoft.ML.TorchSharp.NasBert;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>The two ways in which ML.NET trains a transformer to classify texts: Microsoft.ML.TorchSharp's trainer, and this library's.</summary>
/// <remarks>
/// Both train an epoch of the same rows with their own defaults, 32 rows a step: all weights of NAS-BERT there, a prefix and a head over the default
/// encoder here. The weights of NAS-BERT are random: its cost does not depend on them. Its predictions do, so nothing compares them.
/// </remarks>
internal sealed class TextClassifiers : IDisposable
{
    private const string KeyColumn = "Class";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ptuning-benchmarks-");
    private readonly TextClassificationTrainer _nasBert;
    private readonly PTuningV2Trainer _prefix;

    /// <param name="rows">How many rows there are.</param>
    public TextClassifiers(int rows)
    {
        Rows = TextRows.Sst2(rows, meanWords: 10);
        Data = Keyed(Rows);
        NasBertBytes = RandomNasBert.WriteFor(Context, _folder.FullName);
        _nasBert = Context.MulticlassClassification.Trainers.TextClassification(KeyColumn, maxEpochs: 1);
        _prefix = Context.MulticlassClassification.Trainers.PTuningV2(KeyColumn, maxEpochs: 1);
    }

    public MLContext Context { get; } = new(seed: 1);

    public IReadOnlyList<TextRow> Rows { get; }

    public IDataView Data { get; }

    /// <summary>Size of NAS-BERT's weight file.</summary>
    public long NasBertBytes { get; }

    /// <param name="rows">Trains on so many of the rows.</param>
    public TextClassificationTransformer FitNasBert(int rows) => (TextClassificationTransformer)_nasBert.Fit(Context.Data.TakeRows(Data, rows));

    /// <inheritdoc cref="FitNasBert"/>
    public PTuningV2Transformer FitPrefix(int rows) => _prefix.Fit(Context.Data.TakeRows(Data, rows));

    public void Dispose() => _folder.Delete(recursive: true);

    private IDataView Keyed(IEnumerable<TextRow> rows)
    {
        var data = Context.Data.LoadFromEnumerable(rows);
        return Context.Transforms.Conversion.MapValueToKey(KeyColumn, nameof(TextRow.Label)).Fit(data).Transform(data);
    }
}
