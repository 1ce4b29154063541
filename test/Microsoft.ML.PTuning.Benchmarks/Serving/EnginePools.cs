using System.Collections.Concurrent;
using Microsoft.Extensions.ObjectPool;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>A pool of PredictionEngines per model, as ML.NET's <c>PredictionEnginePool</c> has them.</summary>
/// <param name="folder">The models' files.</param>
internal sealed class EnginePools(string folder)
{
    private readonly MLContext _context = new(seed: 1);
    private readonly ConcurrentDictionary<string, Lazy<ObjectPool<PredictionEngine<TextRow, Answer>>>> _pools = new(StringComparer.Ordinal);

    public Answer Predict(string model, TextRow row)
    {
        var pool = _pools.GetOrAdd(model, name => new(() => new DefaultObjectPool<PredictionEngine<TextRow, Answer>>(new Policy(_context, Load(name))))).Value;
        var engine = pool.Get();
        try
        {
            return engine.Predict(row);
        }
        finally
        {
            pool.Return(engine);
        }
    }

    private ITransformer Load(string model) => _context.Model.Load(Path.Combine(folder, $"{model}.zip"), out _);

    /// <summary>The outputs that the other service gives, too.</summary>
    internal sealed class Answer
    {
        public bool PredictedLabel { get; set; }

        public float Score { get; set; }

        public float Probability { get; set; }
    }

    private sealed class Policy(MLContext context, ITransformer model) : PooledObjectPolicy<PredictionEngine<TextRow, Answer>>
    {
        public override PredictionEngine<TextRow, Answer> Create() => context.Model.CreatePredictionEngine<TextRow, Answer>(model);

        public override bool Return(PredictionEngine<TextRow, Answer> obj) => true;
    }
}
