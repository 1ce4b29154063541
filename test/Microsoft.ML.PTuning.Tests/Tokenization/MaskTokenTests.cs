using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

[TestClass]
public sealed class MaskTokenTests
{
    /// <summary>The ids that Hugging Face publishes.</summary>
    [TestMethod]
    [DataRow("bert-base-uncased", "bert", 103)]
    [DataRow("bert-base-cased", "bert", 103)]
    [DataRow("roberta-base", "roberta", 50264)]
    [DataRow("albert-base-v2", "albert", 4)]
    public void Published_vocabularies_have_the_published_id(string name, string modelType, int id)
    {
        if (GoldenFiles.Tokenizers is not { } folder)
            throw new AssertInconclusiveException("No real vocabularies: set PTUNING_TOKENIZERS to their folder.");

        Assert.AreEqual(id, TextTokenizer.Load(Path.Combine(folder, name), modelType).MaskId);
    }

    [TestMethod]
    [DataRow("{}", 4)]
    [DataRow("""{ "mask_token": "a" }""", 5)]
    [DataRow("""{ "mask_token": "nowhere" }""", null)]
    public void It_is_the_familys_or_the_one_that_the_settings_name(string settings, int? id)
    {
        using var folder = TokenizerFolder.WordPiece(settings, "a");

        Assert.AreEqual(id, TextTokenizer.Load(folder.Path, "bert").MaskId);
    }
}
