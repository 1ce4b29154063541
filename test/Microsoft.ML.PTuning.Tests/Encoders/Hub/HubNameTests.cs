using Microsoft.ML.PTuning.Encoders.Hub;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

[TestClass]
public sealed class HubNameTests
{
    [TestMethod]
    [DataRow("hf://bert-base-cased", "bert-base-cased", null)]
    [DataRow("hf://google-bert/bert-base-cased", "google-bert/bert-base-cased", null)]
    [DataRow("hf://owner/name@v1.0", "owner/name", "v1.0")]
    [DataRow("hf://owner/name@refs/pr/1", "owner/name", "refs/pr/1")]
    public void Address_has_a_name_and_may_have_a_revision(string address, string name, string? revision)
    {
        var hub = HubName.ParseAddress(address);

        Assert.AreEqual(new(name, revision), hub);
        Assert.AreEqual(address, hub.Address);
    }

    [TestMethod]
    [DataRow("hf://")]
    [DataRow("hf://a/b/c")]
    [DataRow("hf://owner/")]
    [DataRow("hf://owner/name@")]
    [DataRow("hf://owner/../name")]
    [DataRow("hf://owner/name@../../main")]
    [DataRow("hf://owner--x/name")]
    [DataRow("hf://owner/na me")]
    [DataRow("hf://owner/name?x=1")]
    [DataRow("owner/name")]
    public void Other_texts_are_no_address(string text) =>
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => HubName.ParseAddress(text)).Message, "Expected hf://name or hf://organisation/name");
}
