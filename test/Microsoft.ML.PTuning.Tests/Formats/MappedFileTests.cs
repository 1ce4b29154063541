using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Formats;

[TestClass]
public sealed class MappedFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string FilePath => _directory.File("file");

    public void Dispose() => _directory.Dispose();

    [TestMethod]
    public void Bytes_are_those_of_the_file()
    {
        File.WriteAllBytes(FilePath, [.. Enumerable.Range(0, 10_000).Select(i => (byte)i)]);
        using var file = MappedFile.Open(FilePath);

        Assert.AreEqual(10_000, file.Length);
        CollectionAssert.AreEqual((byte[])[14, 15], file.Bytes(9998, 2).ToArray());
        Assert.IsTrue(file.Bytes(10_000, 0).IsEmpty);
    }

    [TestMethod]
    public void An_empty_file_has_no_bytes()
    {
        File.WriteAllBytes(FilePath, []);
        using var file = MappedFile.Open(FilePath);

        Assert.AreEqual(0, file.Length);
        Assert.IsTrue(file.Bytes(0, 0).IsEmpty);
    }

    [TestMethod]
    [DataRow(9L, 2)]
    [DataRow(-1L, 1)]
    [DataRow(0L, -1)]
    [DataRow(long.MaxValue, 1)]
    public void Bytes_beyond_the_file_are_refused(long offset, int length)
    {
        File.WriteAllBytes(FilePath, new byte[10]);
        using var file = MappedFile.Open(FilePath);

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => file.Bytes(offset, length).Length);
    }

    [TestMethod]
    public void A_file_that_is_closed_gives_no_bytes()
    {
        File.WriteAllBytes(FilePath, new byte[10]);
        var file = MappedFile.Open(FilePath);
        file.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => file.Bytes(0, 1).Length);
    }
}
