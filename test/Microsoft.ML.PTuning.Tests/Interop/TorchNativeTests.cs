using Microsoft.ML.PTuning.Interop;
using TorchSharp;

namespace Microsoft.ML.PTuning.Tests.Interop;

[TestClass]
public sealed class TorchNativeTests
{
    private static string Library => NativeFiles.TorchSharpLibrary;

    [TestMethod]
    public void Tensors_work_while_the_library_in_the_output_folder_is_the_original()
    {
        using var sum = torch.ones(3).sum();

        Assert.AreEqual(3f, sum.item<float>());
        Assert.AreEqual(GlibcxxPatch.OriginalHash, GlibcxxPatch.Hash(File.ReadAllBytes(Library)));
    }

    [TestMethod]
    public void EnsureLoaded_may_be_called_again_by_any_thread() =>
        Parallel.For(0, 8, _ => TorchNative.EnsureLoaded());
}
