using System.IO.Compression;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>A saved pipeline with one model of this library in it, which scores rows of files.</summary>
internal class SavedPipeline : IDisposable
{
    /// <param name="path">The zip that <c>mlContext.Model.Save</c> wrote.</param>
    /// <exception cref="DataException">There is no such file, or it is not such a model.</exception>
    public SavedPipeline(string path, MLContext context)
    {
        (Path, Context) = (path, context);
        (Whole, Input) = Load(path, context);
        var models = Models(Whole).ToList();
        if (models.Count != 1 || Input is null)
        {
            models.ForEach(model => model.Dispose());
            throw new DataException($"Expected a pipeline with one model of P-Tuning in '{path}' and the columns of its rows; found {models.Count} such models.");
        }

        Model = models[0];
        var mapper = Whole.GetRowToRowMapper(Input);
        var before = BeforeModel(Whole, Model, Input);
        Outputs = [.. Model.GetOutputSchema(before).Skip(before.Count).Select(column => column.Name)];
        Reads = [.. mapper.GetDependencies(mapper.OutputSchema.Where(column => Outputs.Contains(column.Name) && !column.IsHidden)).Select(column => column.Name)];
    }

    public string Path { get; }

    public MLContext Context { get; }

    /// <summary>The whole pipeline.</summary>
    public ITransformer Whole { get; }

    public PTuningV2Transformer Model { get; }

    /// <summary>The columns of the rows that it was trained on.</summary>
    public DataViewSchema Input { get; }

    /// <summary>The columns that a prediction reads.</summary>
    public IReadOnlyList<string> Reads { get; }

    /// <summary>The columns that a prediction adds.</summary>
    public IReadOnlyList<string> Outputs { get; }

    /// <summary>What stands between the texts of a predicted list, where a row has one field for it.</summary>
    public string BetweenTexts => Model.Task == "multi-label-classification" ? "; " : " ";

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

    /// <summary>Why the columns that were named for those that the model reads are not as many.</summary>
    public DataException WrongTexts(int count) => new(
        $"The model reads {string.Join(" and ", Reads.Select(name => $"'{name}'"))}. Expected as many text columns, found {count}.");

    public void Dispose() => Model.Dispose();

    private static (ITransformer Whole, DataViewSchema Input) Load(string path, MLContext context)
    {
        if (!File.Exists(path))
            throw new DataException($"There is no model '{path}' (looked from {Environment.CurrentDirectory}).");

        try
        {
            using (var zip = ZipFile.OpenRead(path))
            {
                if (zip.GetEntry("Prompt.json") is not null)
                    throw new DataException(
                        $"'{path}' was saved by PTuningV2Transformer.SaveTo and does not know its columns. Save it with mlContext.Model.Save(model, schema, path).");
            }

            var whole = context.Model.Load(path, out var input);
            return (whole, input);
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or InvalidOperationException)
        {
            throw new DataException($"'{path}' is not a saved model: {e.Message}");
        }
    }

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
