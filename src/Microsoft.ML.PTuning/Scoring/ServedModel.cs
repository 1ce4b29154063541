using Microsoft.ML.PTuning.Compute;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>A model of a <see cref="PTuningV2MultiTaskPredictor"/>, with the steps of its chain before and after it.</summary>
internal sealed class ServedModel
{
    private readonly string _name;
    private readonly ITransformer[] _steps;
    private readonly int _place; // Index of the model among the steps.
    private readonly Dictionary<(Type Row, Type Prediction), IDisposable> _bindings = [];
    private readonly Dictionary<DataViewSchema, SchemaBinding> _schemaBindings = new(ReferenceEqualityComparer.Instance);
    private int _uses = 1; // The predictor's own use.

    private ServedModel(string name, ITransformer[] steps, int place, PromptModel model)
    {
        (_name, _steps, _place, Model) = (name, steps, place, model);
    }

    public PromptModel Model { get; }

    /// <summary>The disposable steps of the model or its chain.</summary>
    public IEnumerable<IDisposable> DisposableSteps => _steps.OfType<IDisposable>();

    /// <summary>The bindings that read and answered its rows, to dispose after its last use.</summary>
    public IEnumerable<IDisposable> Bindings => _bindings.Values.Concat(_schemaBindings.Values);

    /// <exception cref="ArgumentException">It contains no P-Tuning v2 model or several, or has a step that does not go row by row.</exception>
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

        ours[0].Model.Use(_ => { }); // Throws if it has been disposed.
        return new ServedModel(name, steps, Array.IndexOf(steps, ours[0]), ours[0].Model);
    }

    /// <summary>Begins a use of the model by a row; <see cref="TryEnd"/> ends it.</summary>
    public void Begin() => Interlocked.Increment(ref _uses);

    /// <returns>Whether this was the last use: no row uses the model, and the predictor has removed it.</returns>
    public bool TryEnd() => Interlocked.Decrement(ref _uses) == 0;

    /// <exception cref="ArgumentException">It stands on another encoder.</exception>
    public void RequireSameEncoder(ServedModel other)
    {
        var (own, others) = (Model.Network.Encoder.Backbone, other.Model.Network.Encoder.Backbone);
        var isSameFile = Model.Reference.Weights.SequenceEqual(other.Model.Reference.Weights);
        if (ReferenceEquals(own, others) || (isSameFile && Model.Device == other.Model.Device))
            return; // A copy in another folder or precision is allowed, but takes memory and batches of its own.

        var (place, otherPlace) = (Model.Description.Directory, other.Model.Description.Directory);
        var advice = Model.Device != other.Model.Device
            ? $"One computes on {Model.Device}, the other on {other.Model.Device}. Load both with the same GpuDeviceId."
            : "Use a predictor for each encoder.";
        throw new ArgumentException(
            $"Model '{_name}' stands on the encoder {Model.Reference} in '{place}', but model '{other._name}' on {other.Model.Reference} in "
            + $"'{otherPlace}'. All models of a predictor share one encoder. {advice}");
    }

    /// <summary>The binding for rows of a type; made once.</summary>
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

    /// <summary>The binding for rows of a schema; made once per object.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column that the model reads is missing, or of another type.</exception>
    public SchemaBinding Binding(DataViewSchema schema)
    {
        lock (_schemaBindings)
        {
            if (!_schemaBindings.TryGetValue(schema, out var binding))
                _schemaBindings[schema] = binding = new SchemaBinding(schema, _steps[.._place], Model.Task, _steps[(_place + 1)..]);
            return binding;
        }
    }

    private static IEnumerable<ITransformer> Steps(ITransformer transformer) =>
        transformer is IEnumerable<ITransformer> chain ? chain.SelectMany(Steps) : [transformer];
}
