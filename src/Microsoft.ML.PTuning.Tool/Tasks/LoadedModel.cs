using System.IO.Compression;
using Microsoft.ML.PTuning.Tool.Data;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>A saved pipeline with one model of this library in it.</summary>
internal sealed class LoadedModel : IDisposable
{
    private LoadedModel(string path, MLContext context, ITransformer whole, PTuningV2Transformer model, DataViewSchema input)
    {
        (Path, Context, Whole, Model, Input, Task) = (path, context, whole, model, input, ToolTask.Of(model));
        var mapper = whole.GetRowToRowMapper(input);
        var before = BeforeModel(whole, model, input);
        Outputs = [.. model.GetOutputSchema(before).Skip(before.Count).Select(column => column.Name)];
        Reads = [.. mapper.GetDependencies(mapper.OutputSchema.Where(column => Outputs.Contains(column.Name) && !column.IsHidden)).Select(column => column.Name)];
    }

    public string Path { get; }

    public MLContext Context { get; }

    /// <summary>The whole pipeline.</summary>
    public ITransformer Whole { get; }

    public PTuningV2Transformer Model { get; }

    /// <summary>The columns of the rows that it was trained on.</summary>
    public DataViewSchema Input { get; }

    public ToolTask Task { get; }

    /// <summary>The columns that a prediction reads.</summary>
    public IReadOnlyList<string> Reads { get; }

    /// <summary>The columns that a prediction adds.</summary>
    public IReadOnlyList<string> Outputs { get; }

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

    /// <exception cref="DataException">There is no such file, or it is not such a model.</exception>
    public static LoadedModel Load(string path)
    {
        if (!File.Exists(path))
            throw new DataException($"There is no model '{path}' (looked from {Environment.CurrentDirectory}).");

        var context = new MLContext(seed: 1);
        ITransformer whole;
        DataViewSchema input;
        try
        {
            using var zip = ZipFile.OpenRead(path);
            if (zip.GetEntry("Prompt.json") is not null)
                throw new DataException(
                    $"'{path}' was saved by PTuningV2Transformer.SaveTo and does not know its columns. Save it with mlContext.Model.Save(model, schema, path).");
            whole = context.Model.Load(path, out input);
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or InvalidOperationException)
        {
            throw new DataException($"'{path}' is not a saved model: {e.Message}");
        }

        var models = Models(whole).ToList();
        if (models.Count != 1 || input is null)
            throw new DataException($"Expected a pipeline with one model of P-Tuning in '{path}' and the columns of its rows; found {models.Count} such models.");
        return new LoadedModel(path, context, whole, models[0], input);
    }

    /// <summary>Rows of a file as the model reads them. Columns that no prediction reads may be missing.</summary>
    /// <param name="texts">The file's columns for <see cref="Reads"/>, in that order; none where they have the same names.</param>
    /// <param name="cancellation">Stops the reading of rows, and so what is computed of them.</param>
    /// <exception cref="DataException">A column that it reads is missing.</exception>
    public IDataView View(IReadOnlyList<DataColumn> columns, Func<IEnumerable<DataRow>> rows, string file, IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        if (texts.Count > 0 && texts.Count != Reads.Count)
            throw WrongTexts(texts.Count);

        var views = new List<ViewColumn>();
        foreach (var column in Input)
        {
            if (ViewColumn.TypeOf(column.Type) is not { } type)
                throw new DataException($"The model was trained on a column '{column.Name}' of {column.Type}, which files cannot give. Use it from code.");

            var read = Reads.ToList().IndexOf(column.Name);
            var name = read >= 0 && texts.Count > 0 ? texts[read] : column.Name;
            var isThere = read >= 0 || columns.Any(c => c.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
            views.Add(new ViewColumn(column.Name, isThere ? DataTable.IndexOf(columns, name, file) : -1, type));
        }

        return new RowView(views, rows, file, cancellation);
    }

    /// <summary>Why columns named with <c>--text</c> are not those of the model.</summary>
    public DataException WrongTexts(int count) => new(
        $"The model reads {string.Join(" and ", Reads.Select(name => $"'{name}'"))}. Expected as many columns with --text, found {count}.");

    public void Dispose() => Model.Dispose();

    private static IEnumerable<PTuningV2Transformer> Models(ITransformer transformer) => transformer switch
    {
        PTuningV2Transformer model => [model],
        IEnumerable<ITransformer> chain => chain.SelectMany(Models),
        _ => [],
    };

    // The columns that the model itself gets, behind the steps before it.
    private static DataViewSchema BeforeModel(ITransformer whole, PTuningV2Transformer model, DataViewSchema schema)
    {
        if (whole is not IEnumerable<ITransformer> chain)
            return schema;
        foreach (var step in chain.TakeWhile(step => step != model))
            schema = step.GetOutputSchema(schema);
        return schema;
    }
}
