using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML.PTuning.Tests.Interop;

[TestClass]
public sealed class LocalCacheTests
{
    private static readonly string Home = Path.GetFullPath("home");
    private static readonly string Xdg = Path.GetFullPath("xdg");

    [TestMethod]
    public void The_folder_is_in_the_users_cache() =>
        Assert.AreEqual(Path.Combine(Xdg, "Microsoft.ML.PTuning"), LocalCache.FolderBelow(Xdg, Home));

    [TestMethod]
    [DataRow(null)]
    [DataRow("")]
    [DataRow("relative")]
    public void Without_one_it_is_in_the_local_application_data(string? cache) =>
        Assert.AreEqual(Path.Combine(Home, "Microsoft.ML.PTuning"), LocalCache.FolderBelow(cache, Home));

    [TestMethod]
    public void Without_both_there_is_no_folder() =>
        Assert.IsNull(LocalCache.FolderBelow(null, ""));
}
