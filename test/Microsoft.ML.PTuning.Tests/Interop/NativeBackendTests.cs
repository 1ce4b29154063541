using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML.PTuning.Tests.Interop;

[TestClass]
public sealed class NativeBackendTests
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    [TestCleanup]
    public void Delete() => _folder.Delete(recursive: true);

    [TestMethod]
    public void Load_keeps_a_patched_copy_in_the_cache()
    {
        new NativeBackend([NativeFiles.Folder], _folder.FullName).Load();

        Assert.AreEqual(GlibcxxPatch.PatchedHash, GlibcxxPatch.Hash(File.ReadAllBytes(Copy())));
    }

    [TestMethod]
    public void Load_replaces_a_broken_copy()
    {
        new NativeBackend([NativeFiles.Folder], _folder.FullName).Load();
        var copy = Copy();
        File.Delete(copy);
        File.WriteAllText(copy, "half a file");

        new NativeBackend([NativeFiles.Folder], _folder.FullName).Load();

        Assert.AreEqual(GlibcxxPatch.PatchedHash, GlibcxxPatch.Hash(File.ReadAllBytes(copy)));
    }

    [TestMethod]
    public void Load_by_several_at_once_leaves_one_copy_and_no_drafts()
    {
        Parallel.For(0, 8, _ => new NativeBackend([NativeFiles.Folder], _folder.FullName).Load());

        Assert.AreEqual(GlibcxxPatch.PatchedHash, GlibcxxPatch.Hash(File.ReadAllBytes(Copy())));
    }

    [TestMethod]
    public void Load_works_where_the_cache_cannot_be_written()
    {
        var file = Path.Combine(_folder.FullName, "a file, not a folder");
        File.WriteAllText(file, "");

        new NativeBackend([NativeFiles.Folder], file).Load();

        Assert.AreEqual("", File.ReadAllText(file));
    }

    [TestMethod]
    public void Load_without_a_cache_keeps_no_copy_in_the_working_folder()
    {
        new NativeBackend([NativeFiles.Folder], cache: null).Load();

        Assert.IsFalse(Directory.Exists("torchsharp"));
    }

    [TestMethod]
    public void Load_without_a_library_names_the_packages_and_the_folders_searched()
    {
        var error = Assert.ThrowsExactly<DllNotFoundException>(() => new NativeBackend([_folder.FullName], _folder.FullName).Load());

        StringAssert.Contains(error.Message, "TorchSharp-cpu");
        StringAssert.Contains(error.Message, _folder.FullName);
    }

    [TestMethod]
    public void Load_without_libtorch_names_the_library()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, NativeBackend.Library), "");

        var error = Assert.ThrowsExactly<DllNotFoundException>(() => new NativeBackend([_folder.FullName], _folder.FullName).Load());

        StringAssert.Contains(error.Message, "libc10.so");
    }

    [TestMethod]
    public void Load_refuses_a_library_of_another_version_and_names_the_expected_one()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, NativeBackend.Library), "another version");

        var error = Assert.ThrowsExactly<NotSupportedException>(
            () => new NativeBackend([_folder.FullName, NativeFiles.Folder], _folder.FullName).Load());

        StringAssert.Contains(error.Message, $"TorchSharp {GlibcxxPatch.TorchSharpVersion}");
        StringAssert.Contains(error.Message, GlibcxxPatch.Hash("another version"u8));
    }

    private string Copy() => Directory.GetFiles(_folder.FullName, "*", SearchOption.AllDirectories).Single();
}
