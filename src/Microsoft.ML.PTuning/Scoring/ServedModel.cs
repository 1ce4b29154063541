namespace Microsoft.ML.PTuning.Scoring;

/// <summary>A model of a <see cref="MultiTaskPredictor"/>: ours, and what a chain has before and after it.</summary>
internal sealed class ServedModel
{
    private readonly string _name;
    private readonly Dictionary<(Type Row, Type Prediction), object> _bindings = [];

    private ServedModel(string name, ITransformer transformer, ITransformer[] before, PromptModel model, ITransformer[] after)
    {
        (_name, Transformer, Before, Model, After) = (name, transformer, before, model, after);
    }

    /// <summary>As it was added.</summary>
    public ITransformer Transformer { get; }

    public ITransformer[] Before { get; }

    public PromptModel Model { get; }

    public ITransformer[] After { get; }

    /// <exception cref="ArgumentException">It is or contains none or several of ours, or has a step that does not go row by row.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    public static ServedModel Of(string name, ITransformer transformer)
    {
        ITransformer[] steps = [.. Steps(transformer)];
        var ours = steps.OfType<PTuningV2Transformer>().ToArray();
        if (ours.Length != 1)
            throw new ArgumentException(
                $"Model '{name}' contains {ours.Length} P-Tuning v2 models; expected one. It consists of: "
                + string.Join(", ", steps.Select(step => step.GetType().Name).DefaultIfEmpty("nothing"))
                + ". Add each model under a name of its own.",
                nameof(transformer));
        if (steps.FirstOrDefault(step => !step.IsRowToRowMapper) is { } other)
            throw new ArgumentException(
                $"Model '{name}' has a step that does not go row by row, {other.GetType().Name}, so it cannot predict single rows. Leave it out.",
                nameof(transformer));

        var model = ours[0].Model;
        model.Use(_ => { }); // Throws where it has been disposed.
        var place = Array.IndexOf(steps, ours[0]);
        return new ServedModel(name, transformer, steps[..place], model, steps[(place + 1)..]);
    }

    /// <exception cref="ArgumentException">It stands on another encoder.</exception>
    public void RequireSameEncoder(ServedModel other)
    {
        var (own, others) = (Model.Network.Encoder.Backbone, other.Model.Network.Encoder.Backbone);
        if (ReferenceEquals(own, others))
            return;

        var (place, otherPlace) = (Model.Description.Directory, other.Model.Description.Directory);
        var advice = Model.Device != other.Model.Device
            ? $"One computes on {Model.Device}, the other on {other.Model.Device}. Load both with the same GpuDeviceId."
            : Model.Reference.Weights.SequenceEqual(other.Model.Reference.Weights)
                ? "The weights are the same, but they were loaded from different folders, or the files have changed in between. "
                    + "Load all models with one folder, mlContext.SetOption(\"PTuning.BackboneDirectory\", path)."
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
                _bindings[key] = binding = new RowBinding<TRow, TPrediction>(mlContext, this);
            return (RowBinding<TRow, TPrediction>)binding;
        }
    }

    private static IEnumerable<ITransformer> Steps(ITransformer transformer) =>
        transformer is IEnumerable<ITransformer> chain ? chain.SelectMany(Steps) : [transformer];
}
