namespace Microsoft.ML.PTuning.Tests;

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
