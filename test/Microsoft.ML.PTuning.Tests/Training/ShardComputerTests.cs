using System.Text;
using Microsoft.ML.PTuning.Tests.Training.Resuming;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Shards that are computed elsewhere give the bits of shards that are computed here.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ShardComputerTests : StoppedTraining
{
    public static IEnumerable<object[]> Kinds => ResumedTrainingTests.Kinds;

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Elsewhere_they_give_the_same_bits(string kind, Action<PTuningV2Trainer.MulticlassOptions> set)
    {
        Make(set);
        Training.Options.Advanced.CacheTrunk = false;
        var expected = Run(Others);
        using var computer = new Workers(2);
        Training.Options.Advanced.ShardComputer = computer;

        AssertSame(expected, Run(Others), kind);
        Assert.AreEqual(Steps * 2, computer.Computed, kind);
    }

    [TestMethod]
    [DataRow("gpt2")]
    [DataRow("bart")]
    [DataRow("glm")]
    [DataRow("chatglm")]
    public void A_model_that_writes_learns_the_same_bits(string family)
    {
        using var writer = new TinyWriter(family);
        var options = writer.Options();
        var expected = Written();
        using var computer = new Workers(2);
        options.Advanced.ShardComputer = computer;

        AssertSame(expected, Written(), family);
        Assert.IsGreaterThan(0, computer.Computed);

        Trained Written()
        {
            using var model = writer.Trainer(options).Fit(writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(12)));
            return Taken(model);
        }
    }

    [TestMethod]
    public void Tasks_that_share_a_prefix_learn_the_same_bits()
    {
        Make();
        var options = Training.MultiTaskOptions;
        options.PrefixLength = 4;
        var expected = Fit();
        using var computer = new Workers(2);
        options.Advanced.ShardComputer = computer;

        var actual = Fit();

        foreach (var (name, model) in expected)
            AssertSame(model, actual[name], name);
        Assert.IsGreaterThan(0, computer.Computed);

        Dictionary<string, Trained> Fit()
        {
            var rows = Training.Context.Data.LoadFromEnumerable(TinyTraining.Texts(30));
            var keyed = Training.Context.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
            var rated = Training.Context.Data.LoadFromEnumerable(TinyTraining.Ratings(20));
            var models = new PTuningV2MultiTaskTrainer(Training.Context, options).Fit(new Dictionary<string, PTuningV2MultiTaskData>
            {
                ["class"] = new(new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", MaxLength = 12 }, keyed),
                ["number"] = new(new PTuningV2Trainer.RegressionOptions { Sentence1ColumnName = "Text", MaxLength = 12 }, rated),
            });
            return models.ToDictionary(model => model.Key, model =>
            {
                using (model.Value)
                    return Taken(model.Value);
            });
        }
    }

    [TestMethod]
    public void A_stopped_training_goes_on_elsewhere()
    {
        Make();
        var expected = Run();
        using var computer = new Workers(2);
        StopAt(7);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        StopAt(int.MaxValue);
        Training.Options.Advanced.ShardComputer = computer;

        AssertSame(expected, Run());
    }

    /// <summary>Each shard is lost once, and asked for again.</summary>
    [TestMethod]
    public void A_shard_that_was_lost_is_computed_by_another_worker()
    {
        Make();
        var expected = Run();
        using var computer = new Workers(3) { LosesFirst = true };
        Training.Options.Advanced.ShardComputer = computer;

        AssertSame(expected, Run());
        Assert.AreEqual(Steps * 2 * 2, computer.Computed);
    }

    [TestMethod]
    public void What_a_step_asks_for_is_told()
    {
        Make();
        using var computer = new Workers(1);
        Training.Options.Advanced.ShardComputer = computer;

        Run();

        CollectionAssert.AreEqual(
            Enumerable.Range(1, Steps).SelectMany(step => new[] { (step, 0), (step, 1) }).ToArray(), computer.Asked.Select(work => (work.Step, work.Shard)).ToArray());
        Assert.AreEqual(1, computer.Asked.Select(work => (work.TrainingId, work.Shards)).Distinct().Count());
        Assert.IsTrue(computer.Asked.All(work => work.Shards == 2 && work.Training.Length < 10_000));
    }

    [TestMethod]
    public void A_failure_elsewhere_ends_the_training_with_it()
    {
        Make();
        Training.Options.Advanced.ShardComputer = new Failing();

        Assert.AreEqual("no silo", Assert.ThrowsExactly<TimeoutException>(() => Run()).Message);
    }

    [TestMethod]
    public void Bytes_of_something_else_are_refused()
    {
        Make();
        using var computer = new Workers(1);
        Training.Options.Advanced.ShardComputer = computer;
        Run();
        var work = computer.Asked[0];
        using var worker = PTuningShardWorker.Open(Training.Context, work.Training);

        Refuse<FormatException>("Expected ShardWork.Training", () => PTuningShardWorker.Open(Training.Context, "{"u8.ToArray()));
        Refuse<FormatException>("in version 2; expected 1", () => PTuningShardWorker.Open(
            Training.Context, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(work.Training.Span).Replace("\"version\":1", "\"version\":2"))));
        Refuse<FormatException>("Expected ShardWork.Rows", () => worker.Compute(work.Values, work.Values));
        Refuse<InvalidDataException>("the shard's values", () => worker.Compute(work.Rows, work.Rows));
        Refuse<FormatException>("the training has 1", () => worker.Compute(
            work.Values, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(work.Rows.Span).Replace("\"task\":0", "\"task\":1"))));
    }

    [TestMethod]
    public void Values_of_another_prefix_are_refused()
    {
        Make();
        using Workers computer = new(1), longer = new(1);
        Training.Options.Advanced.ShardComputer = computer;
        Run();
        (Training.Options.PrefixLength, Training.Options.Advanced.ShardComputer) = (3, longer);
        Run();
        using var worker = PTuningShardWorker.Open(Training.Context, computer.Asked[0].Training);

        Refuse<InvalidDataException>(
            "prefix F32 [3, 3, 2, 2, 4]; expected head.weight", () => worker.Compute(longer.Asked[0].Values, longer.Asked[0].Rows));
    }

    private static void Refuse<TException>(string message, Action action)
        where TException : Exception => StringAssert.Contains(Assert.ThrowsExactly<TException>(action).Message, message);

    private sealed class Failing : IShardComputer
    {
        public Task<ReadOnlyMemory<byte>> ComputeAsync(ShardWork work, CancellationToken cancellationToken) => throw new TimeoutException("no silo");
    }

    /// <summary>Workers with a context each, as in as many processes, that answer in any order.</summary>
    private sealed class Workers(int count) : IShardComputer, IDisposable
    {
        private readonly MLContext[] _contexts = [.. Enumerable.Range(0, count).Select(_ => new MLContext())];
        private readonly Dictionary<(int Worker, string Training), PTuningShardWorker> _workers = [];
        private int _computed;

        /// <summary>Whether the first answer to everything is lost.</summary>
        public bool LosesFirst { get; init; }

        public List<ShardWork> Asked { get; } = [];

        public int Computed => _computed;

        public async Task<ReadOnlyMemory<byte>> ComputeAsync(ShardWork work, CancellationToken cancellationToken)
        {
            Asked.Add(work);
            await Task.Delay(work.Shard == 0 ? 3 : 0, cancellationToken).ConfigureAwait(false);
            var first = Compute(work.Shard, work);
            return LosesFirst ? Compute(work.Shard + 1, work) : first;
        }

        public void Dispose()
        {
            foreach (var worker in _workers.Values)
                worker.Dispose();
        }

        private ReadOnlyMemory<byte> Compute(int index, ShardWork work)
        {
            PTuningShardWorker? worker;
            lock (_workers)
            {
                index %= _contexts.Length;
                if (!_workers.TryGetValue((index, work.TrainingId), out worker))
                    _workers[(index, work.TrainingId)] = worker = PTuningShardWorker.Open(_contexts[index], work.Training);
            }
            Interlocked.Increment(ref _computed);
            return worker.Compute(work.Values, work.Rows);
        }
    }
}
