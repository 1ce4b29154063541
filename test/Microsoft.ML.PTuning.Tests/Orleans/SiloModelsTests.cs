using Microsoft.Extensions.Options;
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
        using var models = _tickets.SiloModels();
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
        var options = _tickets.Options;
        options.TensorBudgetBytes = 2 * bytes;
        using var models = _tickets.SiloModels(options);
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
        using var models = _tickets.SiloModels();
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
        using var models = _tickets.SiloModels();

        StringAssert.Contains(Assert.ThrowsExactly<DataException>(() => models.Lease(name)).Message, expected);
    }

    [TestMethod]
    public async Task Options_are_checked_when_the_silo_starts()
    {
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(async () =>
        {
            await using var silos = await TestSilos.StartAsync(
                1, options => (options.ModelsDirectory, options.RangesPerSilo, options.QueueCapacity) = ("nowhere", 0, 0));
        });

        foreach (var name in (string[])["ModelsDirectory: there is no folder", "RangesPerSilo must be 1 or more", "QueueCapacity must be 1 or more"])
            StringAssert.Contains(refused.Message, name);
    }

    private static SavedPipeline Use(SiloModels models, string name)
    {
        using var lease = models.Lease(name);
        return lease.Pipeline;
    }
}
