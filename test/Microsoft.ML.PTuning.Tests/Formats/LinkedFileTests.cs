using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Formats;

/// <summary>The files of the Hugging Face cache are links: what counts is what they lead to.</summary>
[TestClass]
[OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
public sealed class LinkedFileTests
{
    private const long TooLong = 1 << 30;

    private readonly TemporaryDirectory _folder = new();

    private string Link => _folder.File("link.json");

    [TestInitialize]
    public void Make_a_long_file_and_a_link_to_it()
    {
        using (var file = File.Create(_folder.File("blob")))
            file.SetLength(TooLong); // Takes no room.
        File.CreateSymbolicLink(Link, "blob");
    }

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    public void Length_is_that_of_the_file() => Assert.AreEqual(TooLong, RegularFile.LengthOf(Link));

    [TestMethod]
    public void Json_that_is_too_long_is_refused_behind_a_link() =>
        StringAssert.Contains(Assert.Throws<JsonException>(() => JsonFile.Parse(Link, Encoding.UTF8)).Message, "It has 1,073,741,824 bytes");

    [TestMethod]
    public void Index_that_is_too_long_is_refused_behind_a_link() =>
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => CheckpointIndex.Read(Link)).Message, "it is longer than 100000000 bytes");
}
