using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>What sentence-transformers writes beside an encoder.</summary>
[TestClass]
public sealed class SentenceModulesTests
{
    private const string Modules = """
        [
          {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
          {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
          {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
        ]
        """;

    private readonly TemporaryDirectory _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow("""{"word_embedding_dimension": 384, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}""", true)]
    [DataRow("""{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}""", false)]
    [DataRow("""{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}""", false)]
    [DataRow("""{"pooling_mode_mean_tokens": true, "include_prompt": true}""", true)]
    [DataRow("""{"pooling_mode_mean_sqrt_len_tokens": true}""", false)]
    [DataRow("{}", null)]
    public void Mean_is_read_from_the_pooling_modules_switches(string pooling, bool? expected)
    {
        Write(Modules, pooling);

        Assert.AreEqual(expected, SentenceModules.PoolsMean(_folder.Path));
    }

    [TestMethod]
    public void Folder_may_not_say()
    {
        Assert.IsNull(SentenceModules.PoolsMean(_folder.Path));
        File.WriteAllText(_folder.File("modules.json"), Modules);
        Assert.IsNull(SentenceModules.PoolsMean(_folder.Path));
        File.WriteAllText(_folder.File("modules.json"), "[]");
        Assert.IsNull(SentenceModules.PoolsMean(_folder.Path));
    }

    [TestMethod]
    [DataRow("{", "is not JSON")]
    [DataRow("{}", "holds a JSON Object, expected an Array")]
    [DataRow("[5]", "has a module without a text 'type'")]
    [DataRow("""[{"type": "Pooling"}]""", "has a module without a text 'path'")]
    [DataRow("""[{"type": "Pooling", "path": "../other"}]""", "names the folder '../other' for its pooling, expected one inside")]
    public void Damaged_list_of_modules_is_refused_by_name(string modules, string reason)
    {
        File.WriteAllText(_folder.File("modules.json"), modules);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => SentenceModules.PoolsMean(_folder.Path));

        StringAssert.Contains(refusal.Message, $"modules.json' {reason}");
    }

    [TestMethod]
    public void Configuration_says_how_its_folder_pools()
    {
        using var checkpoint = new TinyCheckpoint();
        Assert.IsNull(BackboneConfiguration.Read(checkpoint.Path).PoolsMean);

        File.WriteAllText(Path.Combine(checkpoint.Path, "modules.json"), Modules);
        Directory.CreateDirectory(Path.Combine(checkpoint.Path, "1_Pooling"));
        File.WriteAllText(Path.Combine(checkpoint.Path, "1_Pooling", "config.json"), """{"pooling_mode_mean_tokens": true}""");

        Assert.IsTrue(BackboneConfiguration.Read(checkpoint.Path).PoolsMean);
    }

    private void Write(string modules, string pooling)
    {
        File.WriteAllText(_folder.File("modules.json"), modules);
        Directory.CreateDirectory(_folder.File("1_Pooling"));
        File.WriteAllText(_folder.File("1_Pooling/config.json"), pooling);
    }
}
