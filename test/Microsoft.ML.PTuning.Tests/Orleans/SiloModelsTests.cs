using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Orleans.Models;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tests.Orleans;

[TestClass]
public sealed class SiloModelsTests
{
    private readonly ScoredTickets _tickets = new();

    [TestCleanup]
    public void Free() => _tickets.Dispose();

    [TestMethod]
    public void A_model_stays_loaded()
    {
        using var models = new SiloModels(_tickets.Options);
        using var first = models.Lease("queue");
        using var second = models.Lease("queue");

        Assert.AreSame(first.Pipeline, second.Pipeline);
    }

    [TestMethod]
    public void The_least_recently_used_model_leaves_a_full_budget()
    {
        foreach (var name in (string[])["b", "c"])
            File.Copy(_tickets.PathOf("models/queue.zip"), _tickets.PathOf($"models/{name}.zip"));
        var bytes = new FileInfo(_tickets.PathOf("models/queue.zip")).Length;
        using var models = new SiloModels(new() { ModelsDirectory = _tickets.Options.ModelsDirectory, ModelBudgetBytes = 2 * bytes });
        var queue = Use(models, "queue");
        var b = Use(models, "b");
        Use(models, "queue");

        Use(models, "c");

        Assert.AreSame(queue, Use(models, "queue"));
        Assert.AreNotSame(b, Use(models, "b"));
    }

    [TestMethod]
    public void A_model_in_use_lives_on_when_its_file_is_replaced()
    {
        using var models = new SiloModels(_tickets.Options);
        using var old = models.Lease("queue");
        _tickets.SaveModel(seed: 7);
        File.SetLastWriteTimeUtc(_tickets.PathOf("models/queue.zip"), DateTime.UtcNow.AddSeconds(1));

        using (var replaced = models.Lease("queue"))
            Assert.AreNotEqual(old.Sha256, replaced.Sha256);

        Assert.IsNotEmpty(old.Pipeline.Model.Classes);
        using var stream = new MemoryStream();
        old.Pipeline.Model.SaveTo(stream); // Its tensors are there.
    }

    [TestMethod]
    [DataRow("other", "There is no model 'other'")]
    [DataRow("../models/queue", "name of a model")]
    [DataRow("", "name of a model")]
    [DataRow(".hidden", "name of a model")]
    public void Names_that_are_no_models_are_refused(string name, string expected)
    {
        using var models = new SiloModels(_tickets.Options);

        StringAssert.Contains(Assert.ThrowsExactly<DataException>(() => models.Lease(name)).Message, expected);
    }

    [TestMethod]
    public void Options_are_checked()
    {
        var options = new PTuningSiloOptions { ModelsDirectory = "models", RangesPerSilo = 0 };

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(options.Check);
    }

    private static SavedPipeline Use(SiloModels models, string name)
    {
        using var lease = models.Lease(name);
        return lease.Pipeline;
    }
}
