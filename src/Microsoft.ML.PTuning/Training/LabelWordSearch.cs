using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tokenization;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>AutoPrompt's choice of words for the classes (Shin et al. 2020, section 2.3).</summary>
/// <remarks>
/// A logistic regression learns the classes from what the language model sees at the mask. The words are taken whose output vectors it gives to a class
/// with the highest probability, without the regression's bias, as in the authors' code; no word stands for two classes.
/// </remarks>
internal static class LabelWordSearch
{
    /// <summary>Words that a class is looked for among, the best first, before the tokenizer has agreed that they are words.</summary>
    private const int Considered = 1000;

    /// <param name="encoder">The encoder under the method, before training.</param>
    /// <param name="method">The first values of the method.</param>
    /// <param name="excluded">Token ids that stand in every row.</param>
    /// <returns>For each class, words of one token each.</returns>
    public static ClassWords[] Find(
        SentenceClassification task, IReadOnlyList<Example> rows, PromptedEncoder encoder, TrainedTensors method, BackboneLease lease,
        IReadOnlySet<int> excluded, Device device, int seed)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var states = States(rows, encoder, method, lease.Tokenizer.PadId, device);
        var weights = Regress(states, [.. rows.Select(row => (uint)row.Parts[0].Target[0])], task.ClassNames.Count, seed);
        var words = lease.Backbone.LanguageHead!.Words.ToTrainedType().cpu();
        var scores = nn.functional.linear(words, weights).softmax(1).t().contiguous();                 // [K, vocabulary]
        var found = task.ClassNames.Select(_ => new List<int>()).ToArray();
        foreach (var (word, ofClass) in BestFirst(scores).Where(pair => !excluded.Contains(pair.Word)))
        {
            if (found[ofClass].Count < task.WordsPerClass && !found.Any(words => words.Contains(word)) && IsWord(word, lease.Tokenizer))
                found[ofClass].Add(word);
            if (found.All(words => words.Count == task.WordsPerClass))
                break;
        }
        return [.. task.ClassNames.Zip(found, (name, tokens) => tokens.Count == task.WordsPerClass
            ? new ClassWords(name, [.. tokens.Select(id => Text(id, lease.Tokenizer)!)]) { Tokens = [.. tokens.Select(id => new[] { id })] }
            : throw new InvalidOperationException(
                $"AutoPrompt found {tokens.Count} words for the class '{name}', expected {task.WordsPerClass}: the vocabulary has no more. "
                + "Lower LabelWords, or choose the words yourself (Verbalizer)."))];
    }

    /// <summary>Words and classes, the most probable pair first; no more than <see cref="Considered"/> words per class.</summary>
    /// <param name="scores"><c>[K, vocabulary]</c>.</param>
    private static IEnumerable<(int Word, int Class)> BestFirst(Tensor scores)
    {
        var count = (int)Math.Min(Considered, scores.size(1));
        var (values, words) = scores.topk(count, 1);
        return values.data<float>().ToArray().Zip(words.data<long>().ToArray())
            .Select((pair, i) => (Score: pair.First, Word: (int)pair.Second, Class: i / count))
            .OrderByDescending(pair => pair.Score).ThenBy(pair => pair.Word)
            .Select(pair => (pair.Word, pair.Class));
    }

    /// <summary>What the language model's head sees at each row's mask, <c>[N, E]</c>.</summary>
    private static float[][] States(IReadOnlyList<Example> rows, PromptedEncoder encoder, TrainedTensors method, int padId, Device device)
    {
        var network = new PromptNetwork(encoder, new MaskStateHead());
        ExamplePart[] parts = [.. rows.SelectMany(row => row.Parts)];
        var batches = Predictor.Plan([.. parts.Select(part => part.Length)], [.. parts.Select(part => part.Sequences.Count)], device);
        var states = new float[parts.Length][];
        if (device.type == DeviceType.CPU)
            WorkerThreads.Shared.Run(batches.Count, Run);
        else
            for (var i = 0; i < batches.Count; i++)
                Run(i);
        return states;

        void Run(int index)
        {
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            ExamplePart[] own = [.. batches[index].Select(part => parts[part])];
            var batch = EncodedRow.Collate([.. own.SelectMany(part => part.Sequences)], padId, device) with { BetweenLayers = WorkerThreads.RunUrgent };
            var output = network.Forward(batch, method);
            var values = Predictor.ByPart(output, own, isPerToken: false);
            for (var i = 0; i < own.Length; i++)
                states[batches[index][i]] = values[i];
        }
    }

    /// <returns>The regression's weights, <c>[K, E]</c>.</returns>
    private static Tensor Regress(float[][] states, uint[] classes, int count, int seed)
    {
        var mlContext = new MLContext(seed);
        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, states[0].Length);
        schema[nameof(Row.Label)].ColumnType = new KeyDataViewType(typeof(uint), count);
        var rows = mlContext.Data.LoadFromEnumerable(states.Zip(classes, (state, label) => new Row { Features = state, Label = label + 1 }), schema);
        var model = mlContext.MulticlassClassification.Trainers.LbfgsMaximumEntropy().Fit(rows).Model;
        VBuffer<float>[] weights = [];
        model.GetWeights(ref weights, out _);
        return tensor([.. weights.SelectMany(ofClass => ofClass.DenseValues())], count, states[0].Length);
    }

    /// <summary>Whether a token is a word of its own: its text is read as that token. Pieces of words and special tokens are not.</summary>
    private static bool IsWord(int id, TextTokenizer tokenizer) =>
        Text(id, tokenizer) is { Length: > 0 } text && tokenizer.TokenizeWord(text) is [var only] && only.Id == id;

    private static string? Text(int id, TextTokenizer tokenizer) => tokenizer.TokenOf(id)?.TrimStart('\u0120', '\u2581'); // The space before a word.

    private sealed class Row
    {
        public float[] Features { get; set; } = [];

        public uint Label { get; set; }
    }

    /// <summary>Reads what the language model's last layer multiplies with the words' vectors.</summary>
    private sealed class MaskStateHead : TaskHead
    {
        public override bool ReadsSentenceTokenOnly => false;

        public override bool IsPerToken => false;

        public override IReadOnlyList<HeadTensor> Declare(Backbone backbone) => [];

        public override Tensor Forward(Backbone backbone, Tensor hidden, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout) =>
            backbone.LanguageHead!.Transform(backbone.MaskStates(hidden, batch), tuning.Weights).ToTrainedType();
    }
}
