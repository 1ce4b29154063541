using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Methods;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
[DoNotParallelize]
public sealed class BestEpochTests
{
    [TestMethod]
    [DataRow(new[] { 0.5, 0.7, 0.6 }, new[] { 3.0, 2.0, 1.0 }, 2, DisplayName = "highest metric")]
    [DataRow(new[] { 0.5, 0.7, 0.7, 0.7 }, new[] { 1.0, 3.0, 2.0, 2.5 }, 3, DisplayName = "tie: lower loss")]
    [DataRow(new[] { 0.7, 0.7 }, new[] { 2.0, 2.0 }, 1, DisplayName = "tie in both: first")]
    [DataRow(new[] { 0.9, 0.1 }, new[] { 2.0, 1.0 }, 1, DisplayName = "first")]
    public void Keeps_the_weights_of_the_best_epoch(double[] metrics, double[] losses, int expected)
    {
        var (number, weight) = Offer([.. metrics.Zip(losses, (metric, loss) => Epoch(metric, loss))]);

        Assert.AreEqual(expected, number);
        Assert.AreEqual(expected, weight);
    }

    [TestMethod]
    public void Keeps_the_weights_of_the_last_epoch_without_validation()
    {
        var (number, weight) = Offer([Epoch(null, null), Epoch(null, null), Epoch(null, null)]);

        Assert.AreEqual(3, number);
        Assert.AreEqual(3, weight);
    }

    [TestMethod]
    [DataRow(new[] { 0.8, -20.0 }, 0.4, DisplayName = "two tasks")]
    [DataRow(new[] { 0.8, 0.6 }, 0.7, DisplayName = "two tasks above 0")]
    [DataRow(new[] { -20.0 }, -20.0, DisplayName = "one task")]
    public void Metric_below_zero_counts_as_zero_beside_other_tasks(double[] metrics, double expected) =>
        Assert.AreEqual(expected, BestEpoch.MeanMetric([.. metrics.Select(metric => new EpochOutcome(Epoch(metric, 1)))])!.Value, 1e-12);

    /// <summary>Offers epochs whose head's bias is their number.</summary>
    private static (int Number, float Weight) Offer(EpochSummary[] epochs)
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();
        using var scope = NewDisposeScope();
        var task = Any.Classification(2);
        var encoder = new DeepPrefix { PrefixLength = 2 }.Adapt(backbone);
        Dictionary<string, Tensor> head = new() { ["head.weight"] = zeros(2, 8), ["head.bias"] = zeros(2) };
        using var optimizer = new PromptOptimizer(
            new() { LearningRate = 1, BatchSize = 1, MaxEpochs = 1 },
            new EmbeddedPrefix(encoder.PrefixShape(), Initializers.Zero), [new LearnedTask(task, new(encoder, task.Head), head)], padId: 0, CPU);
        using var best = new BestEpoch();

        for (var i = 0; i < epochs.Length; i++)
        {
            using (no_grad())
                head["head.bias"].fill_(i + 1);
            best.Offer([new EpochOutcome(Numbered(epochs[i], i + 1))], optimizer);
        }

        var number = best.Number;
        using var tensors = best.Take()[0];
        return (number, tensors["head.bias"][0].item<float>());
    }

    private static EpochSummary Epoch(double? metric, double? loss) =>
        new() { Epoch = 0, Loss = 1, Metric = 0.5, ValidationMetric = metric, ValidationLoss = loss, MetricName = "accuracy" };

    private static EpochSummary Numbered(EpochSummary epoch, int number) => new()
    {
        Epoch = number,
        Loss = epoch.Loss,
        Metric = epoch.Metric,
        ValidationMetric = epoch.ValidationMetric,
        ValidationLoss = epoch.ValidationLoss,
        MetricName = epoch.MetricName,
    };
}
