using System.Collections;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
[DoNotParallelize]
public sealed class TrainingLoopTests
{
    private static readonly ExampleSet Rows = new([Any.Example(0), Any.Example(1)], Skipped: 0);

    private TinyCheckpoint _checkpoint = null!;

    [TestInitialize]
    public void MakeCheckpoint() => _checkpoint = new TinyCheckpoint().Save();

    [TestCleanup]
    public void DeleteCheckpoint() => _checkpoint.Dispose();

    [TestMethod]
    public void Weights_that_the_last_step_ruined_are_an_error_without_validation_too()
    {
        var settings = new TrainingSettings { LearningRate = double.MaxValue, BatchSize = 2, MaxEpochs = 1 };

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => Run(settings));

        StringAssert.Matches(
            failure.Message, new(@"A weight became NaN or infinite at step 1 of 1 \(epoch 1\)\. The learning rate of \S+ is too high for this data: try a tenth"));
    }

    [TestMethod]
    public void Cancelled_validation_ends_before_its_next_batch()
    {
        var (asked, isTrained) = (0, false);
        var settings = new TrainingSettings
        {
            LearningRate = 0.01,
            BatchSize = 2,
            MaxEpochs = 1,
            Progress = new EveryStep(_ => isTrained = true),
            CheckCancelled = () =>
            {
                if (isTrained && Interlocked.Increment(ref asked) == 2) // First by the validation as a whole, then by its batches.
                    throw new OperationCanceledException("in validation");
            },
        };

        var failure = Assert.ThrowsExactly<OperationCanceledException>(() => Run(settings, Rows));

        Assert.AreEqual("in validation", failure.Message);
    }

    [TestMethod]
    public void Batch_size_without_bound_makes_one_step_of_all_rows()
    {
        var steps = new List<TrainingProgress>();

        Run(new() { LearningRate = 0.01, BatchSize = int.MaxValue, MaxEpochs = 3, Progress = new EveryStep(steps.Add) }, Rows);

        CollectionAssert.AreEqual(new[] { 1, 2, 3 }, steps.Select(step => step.Step).ToArray());
        Assert.AreEqual(3, steps[0].Steps);
    }

    [TestMethod]
    public void Steps_that_overlap_report_and_learn_what_others_do()
    {
        List<(int, int, double, double)> inTurn = [], overlapping = [];
        using var expected = Learn(Reporting(inTurn), overlaps: false);
        using var actual = Learn(Reporting(overlapping), overlaps: true);

        Assert.HasCount(6, inTurn);
        CollectionAssert.AreEqual(inTurn, overlapping);
        foreach (var (name, tensor) in expected)
            Numbers.AreClose(tensor, actual[name], absolute: 0, relative: 0);

        static TrainingSettings Reporting(List<(int, int, double, double)> reports) => new()
        {
            LearningRate = 0.1,
            BatchSize = 1,
            MaxEpochs = 3,
            Progress = new EveryStep(step => reports.Add((step.Epoch, step.Step, step.Loss, step.LearningRate))),
        };
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void Overlapping_steps_that_are_cancelled_leave_no_native_memory_behind(int steps)
    {
        var before = LiveTensors.CountSettled();
        var asked = 0;
        var settings = new TrainingSettings
        {
            LearningRate = 0.1,
            BatchSize = 1,
            MaxEpochs = 3,
            CheckCancelled = () =>
            {
                if (++asked > steps)
                    throw new OperationCanceledException();
            },
        };

        Assert.ThrowsExactly<OperationCanceledException>(() => Learn(settings, overlaps: true));

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Loss_that_is_no_number_ends_overlapping_steps_before_the_next_one()
    {
        var settings = new TrainingSettings { LearningRate = double.MaxValue, BatchSize = 1, MaxEpochs = 3 };

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => Learn(settings, overlaps: true));

        StringAssert.Contains(failure.Message, "The loss became NaN at step 2 of 6 (epoch 1).");
    }

    [TestMethod]
    public void Validation_rows_are_planned_once_for_all_epochs()
    {
        var parts = new CountedParts(Any.Part(1));
        var validation = new ExampleSet([new(parts, IsTruncated: false)], Skipped: 0);

        Run(new() { LearningRate = 0.01, BatchSize = 2, MaxEpochs = 5 }, validation);

        Assert.AreEqual(1, parts.Walks);
    }

    private void Run(TrainingSettings settings, ExampleSet? validation = null) => Learn(settings, overlaps: false, validation).Dispose();

    private TrainedTensors Learn(TrainingSettings settings, bool overlaps, ExampleSet? validation = null)
    {
        using var backbone = _checkpoint.Load();
        var task = Any.Classification(2);
        var network = new PromptNetwork(new DeepPrefix { PrefixLength = 2 }.Adapt(backbone), task.Head);
        return new TrainingLoop([new(task, network, Rows, validation)], settings, padId: 0, CPU) { Overlaps = overlaps }.Run()[0].Tensors;
    }

    /// <summary>Parts of a row, which know how often they were gathered into batches.</summary>
    private sealed class CountedParts(params ExamplePart[] parts) : IReadOnlyList<ExamplePart>
    {
        public int Walks { get; private set; }

        public int Count => parts.Length;

        public ExamplePart this[int index] => parts[index];

        public IEnumerator<ExamplePart> GetEnumerator()
        {
            Walks++;
            return parts.AsEnumerable().GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
