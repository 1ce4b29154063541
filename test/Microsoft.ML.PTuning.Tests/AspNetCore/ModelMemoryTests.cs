using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Serving.Models;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>What loaded models take beside their tensors, and what is left of those that were unloaded.</summary>
[TestClass]
[DoNotParallelize] // They measure the memory of the process.
public sealed class ModelMemoryTests
{
    private const string Encoder = "mini-cased";

    [TestMethod]
    public async Task Loaded_models_share_tokenizer_and_vocabulary_and_keep_no_copy_of_their_files()
    {
        const int Models = 50, First = 2; // The first ones pay for what is compiled and shared.
        using var folder = new TemporaryDirectory();
        var file = folder.File("original.zip");
        var vocabulary = Train(file);
        await using var application = await ServingApplication.StartAsync(
            files: [.. Enumerable.Range(0, First + Models).Select(i => ($"model-{i}", file))]);

        await LoadAsync(0, First);
        var before = ManagedBytes();
        await LoadAsync(First, First + Models);
        var each = (ManagedBytes() - before) / Models;

        var tensors = application.Model("model-0").TensorBytes!.Value;
        Assert.IsLessThan(Math.Min(vocabulary, tensors) / 2, each, "A copy of the vocabulary takes more, and so does one of the tensors.");

        async Task LoadAsync(int from, int to)
        {
            for (var i = from; i < to; i++)
                await application.PredictAsync($"model-{i}", "my parcel is late");
        }
    }

    [TestMethod]
    public void Memory_that_the_C_library_keeps_goes_back_to_the_system()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Inconclusive("Elsewhere the system's allocator decides.");
        const int Blocks = 2000, BlockBytes = 100_000, Kept = 10; // One in ten stays, so that no region is empty.
        var content = new byte[BlockBytes];
        var blocks = Enumerable.Range(0, Blocks).Select(_ => Filled(content)).ToArray();
        for (var i = 0; i < Blocks; i++)
            if (i % Kept != 0)
                Marshal.FreeHGlobal(blocks[i]);
        var before = ResidentBytes();

        FreedMemory.GiveBack();

        const long Freed = (long)Blocks * BlockBytes * (Kept - 1) / Kept;
        Assert.IsGreaterThan(Freed / 2, before - ResidentBytes());
        for (var i = 0; i < Blocks; i += Kept)
            Marshal.FreeHGlobal(blocks[i]);
    }

    /// <returns>The bytes of the encoder's vocabulary.</returns>
    private static long Train(string path)
    {
        var context = new MLContext(1);
        var data = context.Data.LoadFromEnumerable(Tickets.Rows(24));
        using var model = context.Regression.Trainers.PTuningV2(new PTuningV2Trainer.RegressionOptions
        {
            LabelColumnName = nameof(Ticket.Hours), Sentence1ColumnName = nameof(Ticket.Text), Backbone = Encoder, MaxEpochs = 1, Advanced = { Shards = 2 },
        }).Fit(data);
        context.Model.Save(model, data.Schema, path);
        return new FileInfo(Path.Combine(model.Backbone.Directory, "vocab.txt")).Length;
    }

    private static long ManagedBytes()
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static nint Filled(byte[] content)
    {
        var block = Marshal.AllocHGlobal(content.Length);
        Marshal.Copy(content, 0, block, content.Length);
        return block;
    }
}
