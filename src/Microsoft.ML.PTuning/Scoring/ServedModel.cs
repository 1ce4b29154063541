using Microsoft.ML.PTuning.Compute;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>A model of a <see cref="PTuningV2MultiTaskPredictor"/>: ours, and what a chain has before and after it.</summary>
internal sealed class ServedModel
{
    private readonly string _name;
    private readonly ITransformer[] _steps;
    private readonly int _place; // Ours, among the steps.
    private readonly Dictionary<(Type Row, Type Prediction), IDisposable> _bindings = [];
    private int _uses = 1; // The predictor's own.

    private ServedModel(string name, ITransformer[] steps, int place, PromptModel model)
    {
        (_name, _steps, _place, Model) = (name, steps, place, model);
    }

    public PromptModel Model { get; }

    /// <summary>What of the model, or of its chain, is to be disposed.</summary>
    public IEnumerable<IDisposable> DisposableSteps => _steps.OfType<IDisposable>();

    /// <summary>How its rows were read and answered, to be disposed after its last use.</summary>
    public IEnumerable<IDisposable> Bindings => _bindings.Values;

    /// <exception cref="ArgumentException">It is or contains none or several of ours, or has a step that does not go row by row.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    public static ServedModel Of(string name, ITransformer model)
    {
        ITransformer[] steps = [.. Steps(model)];
        var ours = steps.OfType<PTuningV2Transformer>().ToArray();
        if (ours.Length != 1)
            throw new ArgumentException(
                $"Model '{name}' contains {ours.Length} P-Tuning v2 models; expected one. It consists of: "
                + string.Join(", ", steps.Select(step => step.GetType().Name).DefaultIfEmpty("nothing"))
                + (ours.Length == 0 ? "." : ". Add each model under a name of its own."),
                nameof(model));
        if (steps.FirstOrDefault(step => !step.IsRowToRowMapper) is { } other)
            throw new ArgumentException(
                $"Model '{name}' has a step that does not go row by row, {other.GetType().Name}, so it cannot predict single rows. Leave it out.",
                nameof(model));

        ours[0].Model.Use(_ => { }); // Throws where it has been disposed.
        return new ServedModel(name, steps, Array.IndexOf(steps, ours[0]), ours[0].Model);
    }

    /// <summary>A row is on its way through the model; <see cref="TryEnd"/> ends it.</summary>
    public void Begin() => Interlocked.Increment(ref _uses);

    /// <returns>Whether this was the last use: no row is on its way, and the predictor has given the model up.</returns>
    public bool TryEnd() => Interlocked.Decrement(ref _uses) == 0;

    /// <exception cref="ArgumentException">It stands on another encoder.</exception>
    public void RequireSameEncoder(ServedModel other)
    {
        var (own, others) = (Model.Network.Encoder.Backbone, other.Model.Network.Encoder.Backbone);
        var isSameFile = Model.Reference.Weights.SequenceEqual(other.Model.Reference.Weights);
        if (ReferenceEquals(own, others) || (isSameFile && Model.Device == other.Model.Device && own.ElementType == others.ElementType))
            return; // A copy in another folder will do, though it takes memory of its own.

        var (place, otherPlace) = (Model.Description.Directory, other.Model.Description.Directory);
        var advice = Model.Device != other.Model.Device
            ? $"One computes on {Model.Device}, the other on {other.Model.Device}. Load both with the same GpuDeviceId."
            : own.ElementType != others.ElementType
            ? $"One computes in {own.ElementType}, the other in {others.ElementType}. Load and train both with the same precision."
            : "Use a predictor for each encoder.";
        throw new ArgumentException(
            $"Model '{_name}' stands on the encoder {Model.Reference} in '{place}', but model '{other._name}' on {other.Model.Reference} in "
            + $"'{otherPlace}'. All models of a predictor share one encoder. {advice}");
    }

    /// <summary>How rows of a type are read and answered; made once.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column that the model reads is missing, or of another type.</exception>
    public RowBinding<TRow, TPrediction> Binding<TRow, TPrediction>(MLContext mlContext)
        where TRow : class
        where TPrediction : class, new()
    {
        lock (_bindings)
        {
            var key = (typeof(TRow), typeof(TPrediction));
            if (!_bindings.TryGetValue(key, out var binding))
                _bindings[key] = binding = new RowBinding<TRow, TPrediction>(mlContext, _steps[.._place], Model.Task, _steps[(_place + 1)..]);
            return (RowBinding<TRow, TPrediction>)binding;
        }
    }

    private static IEnumerable<ITransformer> Steps(ITransformer transformer) =>
        transformer is IEnumerable<ITransformer> chain ? chain.SelectMany(Steps) : [transformer];
}
