using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
public sealed class TrainingClockTests
{
    [TestMethod]
    [DataRow(10, 4, 3, 9)]
    [DataRow(10, int.MaxValue, 3, 3)]
    [DataRow(10, 1, int.MaxValue, int.MaxValue)]
    public void Steps_are_the_batches_of_all_epochs(int rows, int batchSize, int epochs, int expected) =>
        Assert.AreEqual(expected, new TrainingClock([rows], batchSize, epochs).Steps);
}
