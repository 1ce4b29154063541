using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Scoring;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Compute;

/// <summary>Urgent jobs while every worker is in the middle of a batch.</summary>
[TestClass]
[DoNotParallelize]
public sealed class UrgentRowsTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    private readonly ManualResetEventSlim _isPosted = new(), _isDone = new();
    private int _busy;
    private bool _waitedInVain;

    private static int Cores => WorkerThreads.Shared.Count;

    [TestMethod]
    public void Urgent_job_waits_for_a_layer_of_a_batch_that_is_scored()
    {
        using var models = new MixedModels();
        var model = models.Create(Any.Regression, new DeepPrefix { PrefixLength = 3 }, 1, Watch);

        InterruptedBy(() => model.Predict<MixedRow, Rating>(Enumerable.Range(0, 20 * Cores).Select(MixedRow.Draw)));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Urgent_job_waits_for_a_layer_of_a_batch_that_is_learned(bool recomputes)
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = Watch(checkpoint.Load());
        using var optimizer = TinyOptimizer.Of(Any.Classification(2), backbone, new DeepPrefix { PrefixLength = 3 }, new()
        {
            LearningRate = 0.01,
            BatchSize = 4 * Cores,
            MaxEpochs = 1,
            Shards = Cores,
            RecomputeActivations = recomputes,
        });

        InterruptedBy(() => optimizer.Step([.. Enumerable.Range(0, 4 * Cores).Select(row => Any.Part(row % 2))], learningRate: 0.01));
    }

    private void InterruptedBy(Action work)
    {
        var working = Task.Factory.StartNew(work, TaskCreationOptions.LongRunning);
        Assert.IsTrue(SpinWait.SpinUntil(() => Volatile.Read(ref _busy) >= Cores, Long));

        WorkerThreads.Shared.Post(_isDone.Set);
        _isPosted.Set();

        working.GetAwaiter().GetResult();
        Assert.IsFalse(_waitedInVain, "The job was not done before the second layer.");
    }

    /// <summary>The first layer waits until the job is posted, the second until it is done.</summary>
    private CountingBackbone Watch(Backbone inner) => new(inner)
    {
        BeforeLayer = layer =>
        {
            if (layer == 0)
            {
                Interlocked.Increment(ref _busy);
                _isPosted.Wait(Long);
            }
            else if (!_isDone.Wait(TimeSpan.FromSeconds(30)))
            {
                _waitedInVain = true;
            }
        },
    };
}
