using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>What is kept of the rows of a task.</summary>
[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class TrunkCacheTests
{
    private const long AllInMemory = 1 << 20, NothingInMemory = 0;

    private static readonly ExampleSet Training = Rows(40), Validation = Rows(15);

    private TinyCheckpoint _checkpoint = null!;
    private CountingBackbone _backbone = null!;
    private TemporaryDirectory _folder = null!;
    private TrainingSettings _settings = null!;

    [TestInitialize]
    public void MakeEncoder()
    {
        _checkpoint = new TinyCheckpoint().Save();
        _backbone = new CountingBackbone(_checkpoint.Load());
        _folder = new TemporaryDirectory();
        _settings = Keeping(AllInMemory);
    }

    [TestCleanup]
    public void DeleteEncoder()
    {
        _folder.Dispose();
        _backbone.Dispose();
        _checkpoint.Dispose();
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void Rows_of_any_batch_get_what_leaves_the_trunk_and_zeros_for_padding(int prefixLayers)
    {
        using var scope = NewDisposeScope();
        var task = Task(prefixLayers);
        using var cache = Create(task)!;
        EncodedRow[] rows = [.. Sequences(Validation).Take(3), .. Sequences(Training).Skip(20).Take(3)];

        var kept = cache.Collate(rows, length: 12);

        var computed = task.Network.Encoder.RunTrunk(EncodedRow.Collate(rows, padId: 0, CPU, length: 12));
        for (var row = 0; row < rows.Length; row++)
        {
            Numbers.AreClose(computed[row].narrow(0, 0, rows[row].Length), kept[row].narrow(0, 0, rows[row].Length));
            Assert.AreEqual(0, kept[row].narrow(0, rows[row].Length, 12 - rows[row].Length).abs().sum().item<float>());
        }
    }

    [TestMethod]
    public void File_and_memory_keep_the_same_bits()
    {
        using var scope = NewDisposeScope();
        using var memory = Create(Task())!;
        _settings = Keeping(NothingInMemory);
        using var file = Create(Task())!;
        EncodedRow[] rows = [.. Sequences(Training)];

        Numbers.AreClose(memory.Collate(rows, 12), file.Collate(rows, 12), absolute: 0, relative: 0);
    }

    [TestMethod]
    [DataRow(AllInMemory)]
    [DataRow(NothingInMemory)]
    public void Half_precision_takes_half_the_room_and_keeps_three_digits(long memory)
    {
        using var scope = NewDisposeScope();
        using var whole = Create(Task())!;
        _settings = Keeping(memory, ScalarType.Float16);
        using var half = Create(Task())!;
        EncodedRow[] rows = [.. Sequences(Training)];

        Assert.AreEqual(whole.Bytes / 2, half.Bytes);
        Numbers.AreClose(whole.Collate(rows, 12), half.Collate(rows, 12), absolute: 1e-6, relative: 1e-3);
    }

    /// <summary>8 significant bits fit in 11; below 2^-14 F16 has fewer.</summary>
    [TestMethod]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.Float16)]
    public void Either_type_keeps_all_digits_of_an_encoder_in_BFloat16(ScalarType type)
    {
        using var scope = NewDisposeScope();
        _backbone.Dispose();
        _backbone = new CountingBackbone(Backbone.Load(_checkpoint.Path, CPU, BackbonePrecision.BFloat16));
        _settings = Keeping(AllInMemory, type);
        using var cache = Create(Task())!;

        var kept = cache.Collate([.. Sequences(Training)], 12);

        Numbers.AreClose(kept.to(ScalarType.BFloat16).to(ScalarType.Float32), kept, absolute: 1e-7, relative: 0);
    }

    [TestMethod]
    public void Budget_decides_between_memory_and_file()
    {
        using var cache = Create(Task())!;
        var log = new List<string>();

        foreach (var memory in new[] { cache.Bytes, cache.Bytes - 1 })
        {
            _settings = Keeping(memory) with { Log = log.Add };
            Create(Task())!.Dispose();
        }

        Assert.AreEqual(
            "The lower 2 layers, which have no prefix, are computed once for 55 sequences and kept: 0.0 MB (Float32) in memory.", log[0]);
        StringAssert.EndsWith(log[1], $"in a temporary file in '{_folder.Path}'.");
    }

    [TestMethod]
    public void Trunk_runs_no_more_once_it_is_kept()
    {
        var task = Task();
        using var cache = Create(task)!;
        var (first, second, prompted) = (_backbone.Rows[0], _backbone.Rows[1], _backbone.Rows[2]);

        new TrainingLoop([task], _settings, padId: 0, CPU, cache).Run()[0].Tensors.Dispose();

        Assert.AreEqual((first, second), (_backbone.Rows[0], _backbone.Rows[1]));
        Assert.IsGreaterThan(prompted, _backbone.Rows[2]);
    }

    [TestMethod]
    public void Whole_encoder_runs_no_more_where_there_is_no_prefix()
    {
        var task = Task(prefixLength: 0);
        using var cache = Create(task)!;
        int[] before = [.. _backbone.Rows];

        new TrainingLoop([task], _settings, padId: 0, CPU, cache).Run()[0].Tensors.Dispose();

        CollectionAssert.AreEqual(before, _backbone.Rows);
    }

    [TestMethod]
    public void Nothing_is_kept_of_an_encoder_that_is_prompted_throughout() => Assert.IsNull(Create(Task(prefixLayers: 3)));

    [TestMethod]
    public void Nothing_is_kept_where_dropout_changes_it()
    {
        _settings = _settings with { BackboneDropout = 0.1 };

        Assert.IsNull(Create(Task()));
    }

    [TestMethod]
    public void Nothing_is_kept_for_a_single_epoch() => Assert.IsNull(Create(Task(), epochs: 1));

    [TestMethod]
    public void Nothing_is_kept_where_it_is_not_asked_for()
    {
        _settings = _settings with { TrunkCache = null };

        Assert.IsNull(Create(Task()));
    }

    [TestMethod]
    public void Where_there_is_no_room_every_epoch_computes_it_and_the_log_says_why()
    {
        var log = new List<string>();
        var missing = _folder.File("missing");
        _settings = Keeping(NothingInMemory) with { Log = log.Add, TrunkCache = new(NothingInMemory, ScalarType.Float32) { Folder = missing } };

        Assert.IsNull(Create(Task()));

        StringAssert.StartsWith(log.Single(), $"The lower layers, which have no prefix, are computed in every epoch, not only once: ");
        StringAssert.Contains(log.Single(), missing);
    }

    [TestMethod]
    public void Where_a_disk_is_slower_than_the_trunk_every_epoch_computes_it_and_the_log_says_why()
    {
        var log = new List<string>();
        _settings = Keeping(AllInMemory) with { Log = log.Add };
        _settings = _settings with { TrunkCache = _settings.TrunkCache! with { AvailableBytes = 0 } };

        Assert.IsNull(Create(Task(), epochs: 100));

        Assert.AreEqual(
            "The lower 2 layers, which have no prefix, are computed in every epoch: their output, 0.0 MB, is too large for memory, and reading it from "
            + "a file takes longer.", log.Single());
    }

    [TestMethod]
    [DataRow(AllInMemory)]
    [DataRow(NothingInMemory)]
    public void Disposed_cache_leaves_neither_tensor_nor_file(long memory)
    {
        _settings = Keeping(memory);
        var before = LiveTensors.CountSettled();

        Create(Task())!.Dispose();

        AssertNothingIsLeft(before);
    }

    [TestMethod]
    public void Cancelled_computation_leaves_neither_tensor_nor_file()
    {
        var asked = 0;
        _settings = Keeping(NothingInMemory) with
        {
            CheckCancelled = () =>
            {
                if (Interlocked.Increment(ref asked) == 2)
                    throw new OperationCanceledException();
            },
        };
        var before = LiveTensors.CountSettled();

        Assert.ThrowsExactly<OperationCanceledException>(() => Create(Task()));

        AssertNothingIsLeft(before);
    }

    [TestMethod]
    public void Failed_computation_leaves_neither_tensor_nor_file()
    {
        _settings = Keeping(NothingInMemory);
        _backbone.BeforeLayer = _ => throw new InvalidDataException("from the encoder");
        var before = LiveTensors.CountSettled();

        Assert.ThrowsExactly<InvalidDataException>(() => Create(Task()));

        AssertNothingIsLeft(before);
    }

    private static ExampleSet Rows(int count)
    {
        var random = new Random(count);
        return new([.. Enumerable.Range(0, count).Select(row => Example(random, row % 2))], Skipped: 0);
    }

    private static Example Example(Random random, int target)
    {
        int[] ids = [2, .. Enumerable.Range(0, random.Next(1, 9)).Select(_ => random.Next(5, 30)), 3];
        return new([new([new(ids, new int[ids.Length])], [target])], IsTruncated: false);
    }

    private static IEnumerable<EncodedRow> Sequences(ExampleSet rows) => rows.Examples.Select(e => e.Parts[0].Sequences[0]);

    private void AssertNothingIsLeft(long tensors)
    {
        Assert.AreEqual(tensors, LiveTensors.Count);
        Assert.IsEmpty(Directory.GetFiles(_folder.Path));
    }

    private TrainingSettings Keeping(long memory, ScalarType type = ScalarType.Float32) => new()
    {
        LearningRate = 0.01,
        BatchSize = 8,
        MaxEpochs = 2,
        TrunkCache = new(memory, type) { Folder = _folder.Path },
    };

    private TrainingTask Task(int prefixLayers = 1, int prefixLength = 2)
    {
        var task = Any.Classification(2);
        TuningMethod method = prefixLength == 0 ? new LinearProbe() : new DeepPrefix { PrefixLength = prefixLength, PrefixLayers = prefixLayers };
        return new(task, new(method.Adapt(_backbone), task.Head), Training, Validation);
    }

    private TrunkCache? Create(TrainingTask task, int epochs = 2) => TrunkCache.Create([task], epochs, _settings, padId: 0, CPU);
}
