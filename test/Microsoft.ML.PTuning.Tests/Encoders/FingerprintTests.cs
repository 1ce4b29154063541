using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Encoders;

[TestClass]
public sealed class FingerprintTests
{
    // SHA-256 of "abc", FIPS 180-4.
    private const string HashOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    private readonly BackboneFolder _folder = new();

    private string Cache => _folder["cache"];

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    public void Of_is_the_SHA_256_of_the_content() =>
        Assert.AreEqual(HashOfAbc, new Fingerprint(Cache).Of(Write("abc")));

    [TestMethod]
    public void Of_follows_the_content_when_the_file_changes()
    {
        var fingerprint = new Fingerprint(Cache);
        fingerprint.Of(Write("something else"));

        Assert.AreEqual(HashOfAbc, fingerprint.Of(Write("abc")));
    }

    [TestMethod]
    public void Of_does_not_read_a_file_again_whose_size_and_time_are_known_from_another_process()
    {
        var path = Write("abc");
        new Fingerprint(Cache).Of(path);
        ReplaceKeepingTime(path, "xyz");

        Assert.AreEqual(HashOfAbc, new Fingerprint(Cache).Of(path));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("half an ent")]
    [DataRow("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ae 00")]
    public void Of_ignores_a_damaged_entry(string entry)
    {
        var path = Write("abc");
        new Fingerprint(Cache).Of(path);
        File.WriteAllText(Directory.GetFiles(Cache).Single(), entry);

        Assert.AreEqual(HashOfAbc, new Fingerprint(Cache).Of(path));
    }

    [TestMethod]
    public void Of_works_where_the_cache_cannot_be_written()
    {
        var path = Write("abc");

        Assert.AreEqual(HashOfAbc, new Fingerprint(path).Of(path));
    }

    [TestMethod]
    public void Of_works_without_a_cache() =>
        Assert.AreEqual(HashOfAbc, new Fingerprint(folder: null).Of(Write("abc")));

    [TestMethod]
    public void Of_takes_a_link_for_the_file_that_it_names()
    {
        var link = _folder["link"];
        File.CreateSymbolicLink(link, Write("abc"));

        Assert.AreEqual(HashOfAbc, new Fingerprint(Cache).Of(link));
        Assert.HasCount(1, Directory.GetFiles(Cache));
    }

    [TestMethod]
    public void Of_a_missing_file_is_refused_and_not_remembered()
    {
        var fingerprint = new Fingerprint(Cache);
        Assert.ThrowsExactly<FileNotFoundException>(() => fingerprint.Of(_folder["file"]));

        Assert.AreEqual(HashOfAbc, fingerprint.Of(Write("abc")));
    }

    private string Write(string text)
    {
        File.WriteAllText(_folder["file"], text);
        return _folder["file"];
    }

    private static void ReplaceKeepingTime(string path, string text)
    {
        var time = File.GetLastWriteTimeUtc(path);
        File.WriteAllText(path, text);
        File.SetLastWriteTimeUtc(path, time);
    }
}
