using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Encoders;

[TestClass]
public sealed class BackboneStoreTests
{
    private readonly BackboneFolder _folder = new();
    private readonly BackboneStore _store;
    private int _loads;

    public BackboneStoreTests()
    {
        _store = new((directory, _, _) =>
        {
            Interlocked.Increment(ref _loads);
            return new(new FakeBackbone(BackboneFolder.Read(directory)), new FakeTokenizer());
        });
    }

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    public void The_same_folder_and_device_is_the_same_encoder_and_tokenizer()
    {
        var directory = _folder.Make("encoder");
        using var one = _store.Acquire(directory, CPU);
        using var two = _store.Acquire(directory + Path.DirectorySeparatorChar, CPU);

        Assert.AreSame(one.Backbone, two.Backbone);
        Assert.AreSame(one.Tokenizer, two.Tokenizer);
    }

    [TestMethod]
    public void The_same_folder_in_another_precision_is_another_encoder()
    {
        var directory = _folder.Make("encoder");
        using var one = _store.Acquire(directory, CPU);
        using var two = _store.Acquire(directory, CPU, BackbonePrecision.BFloat16);

        Assert.AreNotSame(one.Backbone, two.Backbone);
    }

    [TestMethod]
    public void A_folder_and_a_link_to_it_are_the_same_encoder()
    {
        var directory = _folder.Make("encoder");
        Directory.CreateSymbolicLink(_folder["link"], directory);
        using var one = _store.Acquire(directory, CPU);
        using var two = _store.Acquire(_folder["link"], CPU);

        Assert.AreSame(one.Backbone, two.Backbone);
    }

    [TestMethod]
    public void A_file_that_no_encoder_is_read_from_makes_no_other_encoder()
    {
        var directory = _folder.Make("encoder");
        using var one = _store.Acquire(directory, CPU);
        File.WriteAllText(Path.Combine(directory, "results.json"), "{}");
        using var two = _store.Acquire(directory, CPU);

        Assert.AreSame(one.Backbone, two.Backbone);
    }

    [TestMethod]
    public void A_settings_file_of_the_tokenizer_makes_another_encoder()
    {
        var directory = _folder.Make("encoder");
        using var one = _store.Acquire(directory, CPU);
        File.WriteAllText(Path.Combine(directory, "tokenizer_config.json"), "{}");
        using var two = _store.Acquire(directory, CPU);

        Assert.AreNotSame(one.Tokenizer, two.Tokenizer);
    }

    [TestMethod]
    public void A_folder_that_is_not_there_is_refused_by_its_path() =>
        StringAssert.Contains(Assert.ThrowsExactly<DirectoryNotFoundException>(() => _store.Acquire(_folder["gone"], CPU)).Message, _folder["gone"]);

    [TestMethod]
    public void Another_device_is_another_encoder()
    {
        var directory = _folder.Make("encoder");
        using var one = _store.Acquire(directory, CPU);
        using var two = _store.Acquire(directory, META);

        Assert.AreNotSame(one.Backbone, two.Backbone);
    }

    [TestMethod]
    public void Files_that_changed_are_another_encoder()
    {
        using var one = _store.Acquire(_folder.Make("encoder"), CPU);
        using var two = _store.Acquire(_folder.Make("encoder", weights: "longer weights than before"), CPU);

        Assert.AreNotSame(one.Backbone, two.Backbone);
    }

    [TestMethod]
    public void The_last_lease_frees_the_encoder()
    {
        var directory = _folder.Make("encoder");
        var one = _store.Acquire(directory, CPU);
        var two = _store.Acquire(directory, CPU);
        var backbone = (FakeBackbone)one.Backbone;

        one.Dispose();
        Assert.AreEqual(0, backbone.Disposals);
        two.Dispose();

        Assert.AreEqual(1, backbone.Disposals);
    }

    [TestMethod]
    public void A_lease_disposed_twice_gives_back_one_share()
    {
        var directory = _folder.Make("encoder");
        var one = _store.Acquire(directory, CPU);
        using var two = _store.Acquire(directory, CPU);

        one.Dispose();
        one.Dispose();

        Assert.AreEqual(0, ((FakeBackbone)two.Backbone).Disposals);
    }

    [TestMethod]
    public void A_lease_that_was_disposed_refuses_its_encoder()
    {
        var lease = _store.Acquire(_folder.Make("encoder"), CPU);
        lease.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => lease.Backbone);
    }

    [TestMethod]
    public void After_the_last_lease_the_encoder_is_loaded_again()
    {
        var directory = _folder.Make("encoder");
        _store.Acquire(directory, CPU).Dispose();
        _store.Acquire(directory, CPU).Dispose();

        Assert.AreEqual(2, _loads);
    }

    [TestMethod]
    public void Threads_that_ask_at_once_load_once()
    {
        var directory = _folder.Make("encoder");
        using var together = new Barrier(8);
        var leases = new BackboneLease[8];
        var threads = Enumerable.Range(0, 8).Select(i => new Thread(() =>
        {
            together.SignalAndWait();
            leases[i] = _store.Acquire(directory, CPU);
        })).ToList();

        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());

        Assert.AreEqual(1, _loads);
        Array.ForEach(leases, lease => lease.Dispose());
    }

    [TestMethod]
    public void Threads_that_come_and_go_free_whatever_was_loaded()
    {
        var directory = _folder.Make("encoder");
        var loaded = new System.Collections.Concurrent.ConcurrentDictionary<Backbone, bool>();

        Parallel.For(0, 200, _ =>
        {
            using var lease = _store.Acquire(directory, CPU);
            loaded.TryAdd(lease.Backbone, true);
            Assert.AreEqual(0, ((FakeBackbone)lease.Backbone).Disposals);
        });

        Assert.IsTrue(loaded.Keys.All(backbone => ((FakeBackbone)backbone).Disposals == 1));
        Assert.HasCount(_loads, loaded);
    }

    [TestMethod]
    public void A_load_that_fails_is_tried_again()
    {
        var fails = true;
        var store = new BackboneStore((directory, _, _) =>
            fails ? throw new InvalidDataException("broken") : new(new FakeBackbone(BackboneFolder.Read(directory)), new FakeTokenizer()));
        var directory = _folder.Make("encoder");
        Assert.ThrowsExactly<InvalidDataException>(() => store.Acquire(directory, CPU));

        fails = false;
        using var lease = store.Acquire(directory, CPU);

        Assert.AreEqual(256, lease.Backbone.Configuration.HiddenSize);
    }

    [TestMethod]
    public void What_is_loaded_outlives_the_dispose_scope_and_the_inference_mode_of_the_first_to_ask()
    {
        var store = new BackboneStore((directory, _, _) =>
            new(new FakeBackbone(BackboneFolder.Read(directory), ones(3)), new FakeTokenizer()));
        var directory = _folder.Make("encoder");

        BackboneLease lease;
        using (NewDisposeScope())
        using (inference_mode())
            lease = store.Acquire(directory, CPU);

        using (lease)
        {
            using var scope = NewDisposeScope();
            var x = ones(3, requires_grad: true);
            (x * ((FakeBackbone)lease.Backbone).Weight!).sum().backward();
            Assert.AreEqual(3f, x.grad!.sum().item<float>());
        }
    }

    private sealed class FakeBackbone(BackboneConfiguration configuration, Tensor? weight = null) : Backbone(configuration, FrozenTensors.None)
    {
        private int _disposals;

        public int Disposals => _disposals;

        public Tensor? Weight => weight;

        public override int MaxPositions => Configuration.MaxPositionEmbeddings;

        public override bool HasPooler => false;

        public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null) => throw new NotSupportedException();

        public override void Dispose()
        {
            Interlocked.Increment(ref _disposals);
            weight?.Dispose();
        }

        public override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout) => throw new NotSupportedException();
    }

    private sealed class FakeTokenizer : TextTokenizer
    {
        public override int VocabularySize => 3;

        public override int FirstStart => 1;

        public override int PadId => 0;

        public override int SeparatorId => 0;

        public override IReadOnlyList<Token> Tokenize(string text) => [];

        public override TokenDecoder OpenDecoder() => throw new NotSupportedException();

        public override int SpecialTokens(bool pair) => 0;

        public override EncodedText Surround(IReadOnlyList<Token> first, IReadOnlyList<Token>? second) => new([], [], 0, 0);

        public override EncodedText Encode(string first, string? second, int maxLength, Truncation truncation = Truncation.LongestFirst) =>
            new([], [], 0, 0);
    }
}
