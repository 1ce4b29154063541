using System.Runtime.Versioning;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Formats;

[TestClass]
public sealed class WholeFileTests
{
    private readonly TemporaryDirectory _folder = new();

    private string Target => _folder.File("model.zip");

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    public void Content_replaces_what_stood_there()
    {
        File.WriteAllText(Target, "the old model, which was longer");

        WholeFile.Write(Target, stream => stream.Write("new"u8));

        Assert.AreEqual("new", File.ReadAllText(Target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder.Path));
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    [UnsupportedOSPlatform("windows")]
    public void Who_may_read_the_old_file_may_read_the_new_one()
    {
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite; // The umask takes the last one away.
        File.WriteAllText(Target, "old");
        File.SetUnixFileMode(Target, Mode);

        WholeFile.Write(Target, stream =>
        {
            Assert.AreEqual(Mode, File.GetUnixFileMode(Directory.GetFiles(_folder.Path, "*.tmp").Single()));
            stream.Write("new"u8);
        });

        Assert.AreEqual(Mode, File.GetUnixFileMode(Target));
    }

    [TestMethod]
    public void Failure_half_way_leaves_the_old_file_and_nothing_else()
    {
        File.WriteAllText(Target, "old");

        Assert.ThrowsExactly<IOException>(() => WholeFile.Write(Target, stream =>
        {
            stream.Write("ne"u8);
            stream.Flush();
            throw new IOException("The disk is full.");
        }));

        Assert.AreEqual("old", File.ReadAllText(Target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder.Path));
    }

    [TestMethod]
    public void Old_file_stands_until_the_new_one_is_complete()
    {
        File.WriteAllText(Target, "old");

        WholeFile.Write(Target, stream =>
        {
            stream.Write("new"u8);
            stream.Flush();
            Assert.AreEqual("old", File.ReadAllText(Target));
        });
    }

    [TestMethod]
    public void Folder_in_place_of_the_file_is_refused_and_left()
    {
        Directory.CreateDirectory(Target);

        Assert.Throws<Exception>(() => WholeFile.Write(Target, stream => stream.Write("new"u8)));

        Assert.IsTrue(Directory.Exists(Target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder.Path));
    }

    [TestMethod]
    public void Missing_folder_is_refused() => Assert.ThrowsExactly<DirectoryNotFoundException>(
        () => WholeFile.Write(_folder.File("nowhere/model.zip"), stream => stream.Write("new"u8)));

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)] // Links need a privilege there.
    public void File_that_a_link_leads_to_is_replaced_and_the_link_stays()
    {
        File.WriteAllText(Target, "old");
        var link = _folder.File("current.zip");
        File.CreateSymbolicLink(link, Target);

        WholeFile.Write(link, stream => stream.Write("new"u8));

        Assert.AreEqual("new", File.ReadAllText(Target));
        Assert.AreEqual(Target, new FileInfo(link).LinkTarget);
    }
}
