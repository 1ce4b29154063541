using Microsoft.ML.PTuning.Encoders.Hub;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Encoders.Hub;

[TestClass]
public sealed class HubSettingsTests
{
    private readonly TemporaryDirectory _home = new();

    [TestCleanup]
    public void Delete() => _home.Dispose();

    [TestMethod]
    public void Without_variables_it_is_the_public_hub_without_a_token()
    {
        var settings = Of(("HF_HOME", _home.Path));

        Assert.AreEqual(new Uri("https://huggingface.co/"), settings.Endpoint);
        Assert.IsNull(settings.Token);
        Assert.IsFalse(settings.IsOffline);
    }

    [TestMethod]
    [DataRow("https://mirror.example", "https://mirror.example/")]
    [DataRow("http://127.0.0.1:8080/hf/", "http://127.0.0.1:8080/hf/")]
    public void HF_ENDPOINT_names_another_hub(string value, string address) => Assert.AreEqual(new Uri(address), Of(("HF_ENDPOINT", value)).Endpoint);

    [TestMethod]
    [DataRow("mirror.example")]
    [DataRow("file:///tmp")]
    public void HF_ENDPOINT_that_is_no_address_is_refused(string value) =>
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => Of(("HF_ENDPOINT", value))).Message, $"HF_ENDPOINT is '{value}'");

    [TestMethod]
    public void Token_of_the_environment_comes_before_those_of_files()
    {
        File.WriteAllText(_home.File("token"), "hf_home\n");
        File.WriteAllText(_home.File("other"), "hf_other\r\n");

        Assert.AreEqual("hf_home", Of(("HF_HOME", _home.Path)).Token);
        Assert.AreEqual("hf_other", Of(("HF_HOME", _home.Path), ("HF_TOKEN_PATH", _home.File("other"))).Token);
        Assert.AreEqual("hf_variable", Of(("HF_HOME", _home.Path), ("HF_TOKEN_PATH", _home.File("other")), ("HF_TOKEN", " hf_variable ")).Token);
    }

    [TestMethod]
    public void Token_with_a_line_break_in_it_is_refused_and_not_shown()
    {
        var message = Assert.ThrowsExactly<InvalidOperationException>(() => Of(("HF_TOKEN", "hf_secret\nX-Other: 1"))).Message;

        Assert.DoesNotContain("hf_secret", message);
        Assert.Contains("HF_TOKEN", message);
    }

    [TestMethod]
    [DataRow("1", true)]
    [DataRow("true", true)]
    [DataRow("YES", true)]
    [DataRow("0", false)]
    [DataRow("", false)]
    public void HF_HUB_OFFLINE_is_a_switch(string value, bool isOffline) => Assert.AreEqual(isOffline, Of(("HF_HUB_OFFLINE", value)).IsOffline);

    private static HubSettings Of(params (string Name, string Value)[] environment) =>
        HubSettings.Of(name => environment.FirstOrDefault(v => v.Name == name).Value);
}
