using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

[TestClass]
public sealed class DeepPrefixTests
{
    private readonly Draw _draw = new();

    [TestMethod]
    public void Prefixes_of_one_length_need_no_mask()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load(); // 3 layers of 2 heads, each of size 4.
        var method = new DeepPrefix { PrefixLength = 2, PrefixLayers = 2 };
        var (one, other) = (_draw.Normal(2, 2, 2, 2, 4), _draw.Normal(2, 2, 2, 2, 4));
        using TrainedTensors first = new() { { TrainedTensors.Prefix, one } }, second = new() { { TrainedTensors.Prefix, other } };

        var layers = method.Stack(backbone, [new(method, first, Rows: 1), new(method, second, Rows: 2)]).Prefixes!;

        Assert.IsNull(layers[0]);
        Assert.IsNull(layers[1]!.Mask);
        Assert.IsTrue(layers[2]!.Values[2].equal(other.select(1, 1).select(1, 1).transpose(0, 1)).all().item<bool>()); // [h, P, D]
    }

    [TestMethod]
    [DataRow(PositionOffset.Prefix, "PrefixLength 2 and MaxLength 15 together exceed the 16 positions of the backbone. Use a MaxLength of 14 or less, a shorter")]
    [DataRow(PositionOffset.None, null)]
    public void Prefix_takes_positions_where_it_shifts_the_text(PositionOffset offset, string? misfit) =>
        Finds(misfit, new DeepPrefix { PrefixLength = 2, PositionOffset = offset }, maxLength: 15);

    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    public void Text_alone_may_exceed_the_positions(int prefixLength)
    {
        TuningMethod method = prefixLength == 0 ? new LinearProbe() : new DeepPrefix { PrefixLength = prefixLength, PositionOffset = PositionOffset.None };

        Finds("MaxLength 17 exceeds the 16 positions of the backbone. Use 16 or less.", method, maxLength: 17);
    }

    private static void Finds(string? misfit, TuningMethod method, int maxLength)
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();

        var found = method.FindMisfit(backbone, maxLength);

        if (misfit is null)
            Assert.IsNull(found);
        else
            StringAssert.StartsWith(found, misfit);
    }

    /// <summary>In a decoder no word sees the text, so a prefix of their keys and values gives what the words before the text give.</summary>
    [TestMethod]
    public void Prefix_from_words_is_the_words_before_the_text()
    {
        using var golden = new GoldenEncoder(Path.Combine(GoldenFiles.Root, "backbones", "gpt2"), "param.");
        using var weights = golden.InF64();
        using var scope = NewDisposeScope();
        var backbone = weights.Backbone;
        var method = new DeepPrefix { PrefixLength = 3, Start = PromptStart.Text, StartText = "any" };
        using var parameters = method.Create(backbone, new(_ => throw new NotSupportedException(), _ => throw new NotSupportedException()) { Words = [7, 9, 8] });
        using var tensors = new TrainedTensors();
        tensors.Add(TrainedTensors.Prefix, parameters.Values()[TrainedTensors.Prefix].detach().clone());
        var text = Batch(5, 6, 11, 4);

        var hidden = method.Adapt(backbone).Forward(text, method.Tune(backbone, tensors, rows: 1, dropout: null));

        var words = backbone.Forward(Batch(7, 9, 8, 5, 6, 11, 4)).narrow(1, 3, 4).ToTrainedType();
        Numbers.AreClose(words, hidden, absolute: 1e-6, relative: 1e-5);

        static EncodedBatch Batch(params int[] ids) => EncodedRow.Collate([new(ids, new int[ids.Length])], padId: 0, CPU);
    }

    [TestMethod]
    public void Prefix_from_rows_is_the_mean_of_their_keys_and_values()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();
        var method = new DeepPrefix { PrefixLength = 3, Start = PromptStart.Examples };
        EncodedRow[] rows = [new([2, 9, 8, 3], new int[4]), new([2, 6, 7, 11, 3], new int[5])];
        using var parameters = method.Create(backbone, new(_ => throw new NotSupportedException(), _ => throw new NotSupportedException()) { Examples = rows });

        var prefix = parameters.Values()[TrainedTensors.Prefix];                                    // [P, L, 2, h, D]

        Numbers.AreClose(Mean(rows[0], 0, 2), prefix[0]);                                           // Two vectors for the first row, one for the second.
        Numbers.AreClose(Mean(rows[0], 2, 2), prefix[1]);
        Numbers.AreClose(Mean(rows[1], 0, 5), prefix[2]);

        Tensor Mean(EncodedRow row, int start, int count)
        {
            var layers = new Tensor[backbone.Configuration.Layers];
            var record = new Tuning { OnKeysAndValues = (layer, k, v) => layers[layer] = stack([k[0], v[0]], 0).DetachFromDisposeScope() };
            backbone.Forward(EncodedRow.Collate([row], padId: 0, CPU), record);
            return stack(layers.Select(layer => layer.narrow(2, start, count).mean([2])), 0);       // [L, 2, h, D]
        }
    }

    /// <summary>Two rows of three and four tokens give five vectors each: some tokens give several.</summary>
    [TestMethod]
    public void Prefix_that_is_longer_than_its_rows_repeats_their_tokens()
    {
        using var scope = NewDisposeScope();
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();
        var method = new DeepPrefix { PrefixLength = 10, Start = PromptStart.Examples };
        EncodedRow[] rows = [new([2, 9, 3], new int[3]), new([2, 6, 7, 3], new int[4])];
        using var parameters = method.Create(backbone, new(_ => throw new NotSupportedException(), _ => throw new NotSupportedException()) { Examples = rows });

        var prefix = parameters.Values()[TrainedTensors.Prefix];                                    // [P, L, 2, h, D]

        Assert.IsTrue(prefix.isfinite().all().item<bool>());
        Numbers.AreClose(prefix[0], prefix[1], absolute: 0, relative: 0);                           // Both are the first of three tokens.
        Assert.IsFalse(prefix[1].allclose(prefix[2]));
    }

    [TestMethod]
    public void Rows_to_start_from_are_of_each_class_in_turn()
    {
        var rows = new ExampleSet([.. new[] { (5, 0f), (6, 0f), (7, 0f), (8, 1f), (9, 2f), (10, 2f) }.Select(row =>
            new Example([new([new([row.Item1], [0])], [row.Item2])], IsTruncated: false))], Skipped: 0);

        var chosen = StartRows.Choose(rows, 5)!;

        CollectionAssert.AreEqual(new[] { 5, 8, 9, 6, 10 }, chosen.Select(row => row.Ids[0]).ToArray());
        Assert.HasCount(6, StartRows.Choose(rows, 20)!);
    }

    [TestMethod]
    public void Prompt_in_the_input_does_not_start_from_examples()
    {
        var options = new PTuningV2Trainer.MulticlassOptions { Method = new PromptTuning { Start = PromptStart.Examples } };

        var refusal = Assert.ThrowsExactly<ArgumentException>(() => new MLContext().MulticlassClassification.Trainers.PTuningV2(options));

        Assert.Contains("only a prefix can start from them", refusal.Message);
    }

    [TestMethod]
    public void Projected_prefix_does_not_start_from_words()
    {
        var options = new PTuningV2Trainer.MulticlassOptions { PrefixProjection = true, PrefixStart = PromptStart.FrequentWords };

        var refusal = Assert.ThrowsExactly<ArgumentException>(() => new MLContext().MulticlassClassification.Trainers.PTuningV2(options));

        Assert.Contains("PrefixStart is FrequentWords, but with PrefixProjection a network makes the prefix", refusal.Message);
    }
}
