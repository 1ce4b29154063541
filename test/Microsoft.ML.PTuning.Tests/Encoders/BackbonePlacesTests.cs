using Microsoft.ML.PTuning.Encoders;

namespace Microsoft.ML.PTuning.Tests.Encoders;

[TestClass]
public sealed class BackbonePlacesTests
{
    private static readonly string Root = Path.GetTempPath();

    [TestMethod]
    public void The_search_path_is_split_and_empty_parts_are_dropped()
    {
        var (one, two) = (Path.Combine(Root, "one"), Path.Combine(Root, "two"));

        var places = Of(("PTUNING_BACKBONE_PATH", $"{one}{Path.PathSeparator}{Path.PathSeparator}{two}{Path.DirectorySeparatorChar}"));

        CollectionAssert.AreEqual(new[] { one, two }, places.SearchPath.ToArray());
    }

    [TestMethod]
    public void Without_variables_nothing_is_searched_but_the_home_folders_cache()
    {
        var places = Of();

        Assert.IsEmpty(places.SearchPath);
        StringAssert.StartsWith(
            places.Hub.SnapshotOf(new("x", null)),
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "huggingface", "hub"));
    }

    [TestMethod]
    public void HF_HUB_CACHE_comes_before_HF_HOME() =>
        StringAssert.StartsWith(
            Of(("HF_HOME", Path.Combine(Root, "home")), ("HF_HUB_CACHE", Path.Combine(Root, "cache"))).Hub.SnapshotOf(new("x", null)),
            Path.Combine(Root, "cache", "models--x"));

    [TestMethod]
    public void HF_HOME_holds_the_cache_in_hub() =>
        StringAssert.StartsWith(
            Of(("HF_HOME", Path.Combine(Root, "home")), ("HF_HUB_CACHE", "")).Hub.SnapshotOf(new("x", null)),
            Path.Combine(Root, "home", "hub", "models--x"));

    private static BackbonePlaces Of(params (string Name, string Value)[] environment) =>
        BackbonePlaces.Of(Root, name => environment.FirstOrDefault(v => v.Name == name).Value);
}
