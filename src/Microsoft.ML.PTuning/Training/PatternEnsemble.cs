using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Training;

/// <summary>How the models of an ensemble are trained and combined.</summary>
/// <param name="Repetitions">Models per pattern.</param>
/// <param name="WeighsByAccuracy">Whether a pattern weighs as much as its accuracy before training; else all weigh the same.</param>
/// <param name="Temperature">What scores are divided by before they become probabilities.</param>
/// <param name="Generations">1 for PET, more for iPET.</param>
/// <param name="Growth">How many times the rows of the generation before a generation learns from.</param>
/// <param name="OthersShare">The share of the other models that label rows for a model.</param>
internal sealed record EnsembleSettings(int Repetitions, bool WeighsByAccuracy, double Temperature, int Generations, double Growth, double OthersShare);

/// <summary>Models of several patterns, trained on the labelled rows, that label the others together: PET and iPET (Schick &amp; Schütze 2021).</summary>
/// <remarks>A model is freed as soon as it has scored the unlabelled rows. Runs on the training thread.</remarks>
internal sealed class PatternEnsemble
{
    /// <summary>The least probability whose log is taken; smaller ones do not change a soft label.</summary>
    private const float LeastProbability = 1e-30f;

    private readonly TrainingSession _session;
    private readonly EnsembleSettings _settings;
    private readonly int _padId;
    private readonly PatternRows[] _patterns;

    /// <param name="tasks">One per pattern, over the same columns.</param>
    public PatternEnsemble(
        TrainingSession session, EnsembleSettings settings, IReadOnlyList<PromptTask> tasks, IDataView labelled, IDataView unlabelled, OpenBackbone backbone)
    {
        (_session, _settings, _padId) = (session, settings, backbone.Lease.Tokenizer.PadId);
        _patterns = [.. tasks.Select(task =>
        {
            var prepared = session.Prepare(task, labelled, validation: null, backbone);
            return new PatternRows(prepared, session.ReadUnlabelled(unlabelled, prepared.Task, backbone).Examples);
        })];
        session.LogStart(_patterns[0].Labelled);
    }

    private int Models => _patterns.Length * _settings.Repetitions;

    /// <returns>For each unlabelled row a probability per class.</returns>
    /// <exception cref="InvalidOperationException">Training diverged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public float[][] SoftLabels()
    {
        double[] weights = [.. _patterns.Select((pattern, i) => _settings.WeighsByAccuracy ? AccuracyBeforeTraining(pattern, i) : 1)];
        if (weights.All(weight => weight == 0))
            weights = [.. weights.Select(_ => 1.0)];
        double[] ofModels = [.. Enumerable.Range(0, Models).Select(model => weights[model / _settings.Repetitions])];

        var scores = TrainGeneration(1, _ => []);
        for (var generation = 2; generation <= _settings.Generations; generation++)
        {
            var (before, random) = (scores, new Random((int)(Streams.SeedOf(RandomStream.EnsembleDraw, generation) >> 33)));
            var chosen = Enumerable.Range(0, Models).Select(model => Choose(model, generation, before, ofModels, random)).ToArray();
            scores = TrainGeneration(generation, model => chosen[model]);
        }
        return Combine(scores, ofModels, _settings.Temperature);
    }

    private RandomStreams Streams => _session.SettingsFor([_patterns[0].Labelled]).Random;

    /// <summary>The probabilities of the weighted mean of several models' scores.</summary>
    /// <param name="scores">For each model and row a score per class, up to a constant per row.</param>
    public static float[][] Combine(IReadOnlyList<float[][]> scores, IReadOnlyList<double> weights, double temperature)
    {
        var sum = weights.Sum() * temperature;
        return [.. Enumerable.Range(0, scores[0].Length).Select(row =>
            ScorePrediction.Softmax([.. Enumerable.Range(0, scores[0][row].Length).Select(index => MeanOf(row, index))]))];

        float MeanOf(int row, int index) => (float)(scores.Zip(weights, (model, weight) => weight * model[row][index]).Sum() / sum);
    }

    /// <summary>The rows that are labelled most confidently, as many of each class as wanted, or as there are.</summary>
    /// <param name="probabilities">For each row a probability per class.</param>
    /// <param name="wanted">How many of each class.</param>
    /// <returns>Rows and their classes; equally confident ones in their order.</returns>
    public static IReadOnlyList<(int Row, int Class)> MostConfident(IReadOnlyList<float[]> probabilities, IReadOnlyList<int> wanted) =>
    [
        .. Enumerable.Range(0, probabilities.Count).Select(row => (Row: row, Class: ScorePrediction.ArgMax(probabilities[row])))
            .GroupBy(labelled => labelled.Class).OrderBy(same => same.Key)
            .SelectMany(same => same.OrderByDescending(labelled => probabilities[labelled.Row][labelled.Class]).Take(wanted[same.Key])),
    ];

    /// <summary>How many rows of each class a generation adds to the labelled ones, so that the classes keep their shares.</summary>
    /// <param name="counts">Labelled rows of each class.</param>
    public static int[] Added(IReadOnlyList<int> counts, double growth, int generation) =>
        [.. counts.Select(count => (int)Math.Min(int.MaxValue, Math.Round(count * (Math.Pow(growth, generation - 1) - 1))))];

    private double AccuracyBeforeTraining(PatternRows pattern, int index)
    {
        var (task, network) = (pattern.Labelled.Task, pattern.Labelled.Network);
        var examples = pattern.Labelled.Training.Examples;
        using var nothing = new TrainedTensors();
        var untrained = network with { Encoder = new LinearProbe().Adapt(network.Encoder.Backbone) };
        var accuracy = task.Measure(
            new Predictor(untrained, _padId, _session.Device).Predict(examples, nothing, task, _session.CheckCancelled), examples);
        _session.Log(FormattableString.Invariant($"Pattern {index + 1}: {task.MetricName} {accuracy:F4} before training."));
        return accuracy;
    }

    /// <summary>The rows that other models of the generation before label for a model.</summary>
    private (int Row, int Class)[] Choose(int model, int generation, float[][][] scores, double[] weights, Random random)
    {
        int[] others = [.. Enumerable.Range(0, Models).Where(other => other != model)];
        random.Shuffle(others);
        int[] asked = [.. others.Take(Math.Max(1, (int)Math.Round(_settings.OthersShare * others.Length)))];
        double[] weighing = [.. asked.Select(other => weights[other])];
        var probabilities = Combine(
            [.. asked.Select(other => scores[other])], weighing.Sum() > 0 ? weighing : [.. weighing.Select(_ => 1.0)], temperature: 1);

        var counts = new int[probabilities[0].Length];
        foreach (var example in _patterns[0].Labelled.Training.Examples)
            counts[(int)example.Parts[0].Target[0]]++;
        return [.. MostConfident(probabilities, Added(counts, _settings.Growth, generation))];
    }

    /// <returns>For each model and unlabelled row the scores of the classes.</returns>
    private float[][][] TrainGeneration(int generation, Func<int, IReadOnlyList<(int Row, int Class)>> added) =>
        [.. Enumerable.Range(0, Models).Select(model => Train(model, generation, added(model)))];

    private float[][] Train(int model, int generation, IReadOnlyList<(int Row, int Class)> added)
    {
        var pattern = _patterns[model / _settings.Repetitions];
        var extra = added.Select(label => WithTarget(pattern.Unlabelled[label.Row], [label.Class]));
        var task = pattern.Labelled with
        {
            Name = $"pattern {model / _settings.Repetitions + 1}, repetition {model % _settings.Repetitions + 1}"
                + (_settings.Generations > 1 ? $", generation {generation}" : ""),
            Training = new ExampleSet([.. pattern.Labelled.Training.Examples, .. extra], pattern.Labelled.Training.Skipped),
        };
        var settings = _session.SettingsFor([task]);
        settings = settings with { Seed = (int)(Streams.SeedOf(RandomStream.EnsembleModel, (generation - 1) * Models + model) >> 33) };

        var result = _session.Learn(task, settings, _padId);
        using var tensors = result.Tensors;
        var predictions = new Predictor(task.Network, _padId, _session.Device)
            .Predict(pattern.Unlabelled, tensors, task.Task.ForScoring, _session.CheckCancelled);
        return [.. predictions.Select(row => Array.ConvertAll(((ScorePrediction)row).Values, p => MathF.Log(Math.Max(p, LeastProbability))))];
    }

    /// <summary>A row that was read without a label, with one.</summary>
    public static Example WithTarget(Example example, float[] target) =>
        example with { Parts = [.. example.Parts.Select(part => part with { Target = target })] };

    /// <summary>The rows as a pattern gives them.</summary>
    private sealed record PatternRows(TrainingTask Labelled, IReadOnlyList<Example> Unlabelled);
}
