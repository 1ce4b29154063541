using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Scoring;
using Microsoft.ML.PTuning.Tests.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Compute;

/// <summary>Batches that overlap, as on a GPU, against batches in turn.</summary>
[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class PredictorTests
{
    private static readonly Example[] Rows = [.. Enumerable.Range(0, 40).Select(row => Row(row % 9, row % 2))];

    private MixedModels _models = null!;
    private PromptModel _model = null!;

    [TestInitialize]
    public void MakeModel()
    {
        _models = new MixedModels();
        _model = _models.Create(Any.Classification(2), new DeepPrefix { PrefixLength = 3 }).Model;
    }

    [TestCleanup]
    public void DeleteModel() => _models.Dispose();

    [TestMethod]
    public void Batches_that_overlap_give_the_same_predictions_and_loss()
    {
        var expected = Evaluate(overlaps: false);
        var actual = Evaluate(overlaps: true);

        Assert.AreEqual(expected.Loss, actual.Loss, 1e-6);
        foreach (var (row, other) in expected.Predictions.Zip(actual.Predictions))
            Said.AreClose(Numbers(row), Numbers(other), "row");
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(100)]
    public void Batches_that_overlap_leave_no_tensor_behind_wherever_they_are_cancelled(int batches)
    {
        var before = LiveTensors.CountSettled();
        var asked = 0;

        try
        {
            Evaluate(overlaps: true, () => ThrowIf(++asked > batches));
        }
        catch (OperationCanceledException)
        {
        }

        Assert.AreEqual(before, LiveTensors.Count);
        Assert.AreEqual(batches < 100, asked > batches);
    }

    private static void ThrowIf(bool isCancelled)
    {
        if (isCancelled)
            throw new OperationCanceledException();
    }

    private static Said Numbers(Prediction prediction) => new(((ScorePrediction)prediction).Values, "");

    private static Example Row(int words, int target)
    {
        int[] ids = [2, .. Enumerable.Range(5, words), 3];
        return new([new([new(ids, new int[ids.Length])], [target])], IsTruncated: false);
    }

    private (Prediction[] Predictions, double Loss) Evaluate(bool overlaps, Action? checkCancelled = null) =>
        new Predictor(_model.Network, _model.Tokenizer.PadId, CPU) { Overlaps = overlaps }.Evaluate(Rows, _model.Tensors, _model.Task, checkCancelled);
}
