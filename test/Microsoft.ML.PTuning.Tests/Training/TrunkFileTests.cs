using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
[DoNotParallelize]
public sealed class TrunkFileTests
{
    private TemporaryDirectory _folder = null!;

    [TestInitialize]
    public void MakeFolder() => _folder = new TemporaryDirectory();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.Float16)]
    public void Tensor_keeps_what_is_written_to_it_and_is_zero_elsewhere(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var file = new TrunkFile(_folder.Path, type, 3, 2);

        file.Tensor[1].copy_(tensor([1.5f, -2f]));

        CollectionAssert.AreEqual(new[] { 0, 0, 1.5f, -2f, 0, 0 }, file.Tensor.to(ScalarType.Float32).data<float>().ToArray());
        CollectionAssert.AreEqual(new long[] { 3, 2 }, file.Tensor.shape);
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public void File_has_no_name_while_it_is_used()
    {
        using var file = new TrunkFile(_folder.Path, ScalarType.Float32, 3, 2);

        Assert.IsEmpty(Directory.GetFiles(_folder.Path));
    }

    [TestMethod]
    public void Nothing_is_left_afterwards()
    {
        var before = LiveTensors.CountSettled();

        new TrunkFile(_folder.Path, ScalarType.Float32, 3, 2).Dispose();

        Assert.IsEmpty(Directory.GetFiles(_folder.Path));
        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void More_than_the_disk_has_room_for_is_refused_with_advice()
    {
        var refusal = Assert.ThrowsExactly<IOException>(() => new TrunkFile(_folder.Path, ScalarType.Float32, 1L << 40, 1 << 10));

        StringAssert.Matches(
            refusal.Message, new(@"needs a temporary file of 4294967297 MB in '.*ptuning-.*'\. There are \d+ MB free; the file may take half of them\. Raise Trunk.*TempFilePath"));
        Assert.IsEmpty(Directory.GetFiles(_folder.Path));
    }

    [TestMethod]
    public void Folder_that_is_not_there_is_refused_by_its_name()
    {
        var refusal = Assert.ThrowsExactly<IOException>(() => new TrunkFile(_folder.File("none"), ScalarType.Float32, 3, 2));

        StringAssert.Contains(refusal.Message, $"needs a temporary file of 1 MB in '{_folder.File("none")}'");
    }
}
