using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>A saved pipeline with one model of this library in it, whose task the command line knows.</summary>
internal sealed class LoadedModel : SavedPipeline
{
    private LoadedModel(string path, MLContext context)
        : base(path, context) => Task = ToolTask.Of(Model);

    public ToolTask Task { get; }

    /// <summary>The column that was learned, if the rows that it was trained on tell: the only one that predictions do not read, or one called Label.</summary>
    public string? Label
    {
        get
        {
            var others = Input.Select(column => column.Name).Where(name => !Reads.Contains(name)).ToList();
            return others.Contains("Label") ? "Label" : others.Count == 1 || Task is AnswersTask ? others.FirstOrDefault() : null;
        }
    }

    /// <exception cref="DataException">The rows that it was trained on do not tell which column it learned.</exception>
    public TaskColumns Columns => new(
        Label ?? throw new DataException($"'{Path}' does not say which column it learned, so it can only be used to predict."), Reads)
    {
        AnswerStart = Task is AnswersTask ? Input.Select(column => column.Name).FirstOrDefault(name => name != Label && !Reads.Contains(name)) : null,
    };

    /// <param name="precision">The encoder's; null for that of the process: F32 in the command line.</param>
    /// <exception cref="DataException">There is no such file, or it is not such a model.</exception>
    public static LoadedModel Load(string path, BackbonePrecision? precision = null)
    {
        var context = new MLContext(seed: 1);
        if (precision is { } given)
            context.SetPTuningPrecision(given);
        return new LoadedModel(path, context);
    }
}
