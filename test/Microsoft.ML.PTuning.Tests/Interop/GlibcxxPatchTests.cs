using System.Buffers.Binary;
using System.Text;
using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML.PTuning.Tests.Interop;

[TestClass]
public sealed class GlibcxxPatchTests
{
    // Where the file keeps its dynamic strings (.dynstr) and symbols (.dynsym), from its section headers.
    private const int Strings = 0x16760, Symbols = 0x3890, Versions = 0x3DFAE, SymbolSize = 24;

    private readonly byte[] _original = File.ReadAllBytes(NativeFiles.TorchSharpLibrary);

    [TestMethod]
    public void Apply_makes_the_known_copy() =>
        Assert.AreEqual(GlibcxxPatch.PatchedHash, GlibcxxPatch.Hash(GlibcxxPatch.Apply(_original)));

    [TestMethod]
    public void Apply_changes_three_bytes()
    {
        var patched = GlibcxxPatch.Apply(_original);

        var changed = Enumerable.Range(0, _original.Length).Where(i => _original[i] != patched[i]).ToArray();

        CollectionAssert.AreEqual(new[] { 0x3E7A0, 0x3F9C4, 0x3FA34 }, changed);
        Assert.HasCount(_original.Length, patched);
    }

    [TestMethod]
    [DataRow(0x3F9C4, "GLIBCXX_3.4.30")]
    [DataRow(0x3FA34, "GLIBCXX_3.4.32")]
    public void The_flags_that_change_belong_to_the_versions_of_GCC_12_and_13(int flags, string version)
    {
        // Elf64_Vernaux: hash (4), flags (2), index (2), name (4), next (4).
        var name = BinaryPrimitives.ReadInt32LittleEndian(_original.AsSpan(flags + 4));

        Assert.AreEqual(version, StringAt(name));
    }

    [TestMethod]
    public void The_symbol_whose_version_changes_is_the_wait_of_a_condition_variable()
    {
        var index = (0x3E7A0 - Versions) / 2;
        var name = BinaryPrimitives.ReadInt32LittleEndian(_original.AsSpan(Symbols + index * SymbolSize));

        Assert.AreEqual("_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE", StringAt(name));
    }

    [TestMethod]
    public void Apply_leaves_its_input_alone()
    {
        GlibcxxPatch.Apply(_original);

        Assert.IsTrue(GlibcxxPatch.IsKnown(_original));
    }

    [TestMethod]
    public void Apply_refuses_another_file() =>
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => GlibcxxPatch.Apply([1, 2, 3])).Message, GlibcxxPatch.OriginalHash);

    private string StringAt(int offset)
    {
        var text = _original.AsSpan(Strings + offset);
        return Encoding.ASCII.GetString(text[..text.IndexOf((byte)0)]);
    }
}
