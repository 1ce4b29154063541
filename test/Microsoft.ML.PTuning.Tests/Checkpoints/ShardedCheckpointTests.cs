using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

[TestClass]
public sealed class ShardedCheckpointTests
{
    private const string First = "model-00001-of-00002.safetensors", Second = "model-00002-of-00002.safetensors";
    private const string Words = "bert.embeddings.word_embeddings.weight";

    private readonly TinyCheckpoint _checkpoint = new();

    private string Index => Path.Combine(_checkpoint.Path, WrittenFormats.ShardedSafetensors);

    [TestInitialize]
    public void Save() => _checkpoint.SaveAs(WrittenFormats.ShardedSafetensors);

    [TestCleanup]
    public void Delete() => _checkpoint.Dispose();

    [TestMethod]
    public void Every_shard_that_is_missing_is_named()
    {
        File.Delete(Path.Combine(_checkpoint.Path, First));
        File.Delete(Path.Combine(_checkpoint.Path, Second));

        RefusesBecause($"no file: {First}", $"no file: {Second}");
    }

    [TestMethod]
    public void A_tensor_that_its_shard_does_not_hold_is_named()
    {
        ChangeMap(map => map[Words] = Second);

        RefusesBecause($"not there: {Words} in {Second}", $"not in the index: {Words} in {First}");
    }

    [TestMethod]
    public void A_tensor_that_no_shard_holds_is_named()
    {
        ChangeMap(map => map["surprise"] = First);

        RefusesBecause($"not there: surprise in {First}");
    }

    [TestMethod]
    public void A_tensor_that_the_index_leaves_out_is_named()
    {
        ChangeMap(map => map.Remove(Words));

        RefusesBecause($"not in the index: {Words} in {First}");
    }

    [TestMethod]
    public void A_shard_that_is_damaged_is_named()
    {
        File.WriteAllText(Path.Combine(_checkpoint.Path, Second), "{}");

        RefusesBecause($"'{Path.Combine(_checkpoint.Path, Second)}' cannot be read as safetensors");
    }

    [TestMethod]
    [DataRow("../model.safetensors")]
    [DataRow("..")]
    [DataRow("..\\model.safetensors")]
    [DataRow("/etc/passwd")]
    [DataRow("C:model.safetensors")]
    [DataRow("folder/model.safetensors")]
    [DataRow("")]
    public void A_shard_outside_the_folder_is_refused(string file)
    {
        ChangeMap(map => map[Words] = file);

        RefusesBecause($"it places tensor '{Words}' in ", "expected a file's name without a folder");
    }

    [TestMethod]
    [DataRow("", "it is not JSON")]
    [DataRow("[]", "it has no object 'weight_map'")]
    [DataRow("{\"metadata\": {}}", "it has no object 'weight_map'")]
    [DataRow("{\"weight_map\": {}}", "its 'weight_map' is empty")]
    [DataRow("{\"weight_map\": {\"a\": 3}}", "it places tensor 'a' in 3, expected a file's name")]
    [DataRow("{\"weight_map\": {\"a\": \"x\", \"a\": \"y\"}}", "it places tensor 'a' twice")]
    [DataRow("{\"weight_map\": {\"a\": \"\\ud800\"}}", "it is not JSON")]
    public void An_index_with_a_fault_is_refused(string index, string reason)
    {
        File.WriteAllText(Index, index);

        RefusesBecause($"'{Index}' cannot be read as the index", reason);
    }

    [TestMethod]
    [DoNotParallelize]
    public void A_shard_that_is_refused_leaves_no_other_open()
    {
        File.WriteAllText(Path.Combine(_checkpoint.Path, Second), "{}");
        var before = LiveTensors.CountSettled();

        Assert.ThrowsExactly<InvalidDataException>(_checkpoint.Load);

        Assert.AreEqual(before, LiveTensors.Count);
        using var exclusive = File.Open(Path.Combine(_checkpoint.Path, First), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
    }

    private void ChangeMap(Action<JsonObject> change)
    {
        var index = JsonNode.Parse(File.ReadAllText(Index))!;
        change(index["weight_map"]!.AsObject());
        File.WriteAllText(Index, index.ToJsonString());
    }

    private void RefusesBecause(params string[] reasons)
    {
        var message = Assert.ThrowsExactly<InvalidDataException>(_checkpoint.Load).Message;
        foreach (var reason in reasons)
            StringAssert.Contains(message, reason);
    }
}
