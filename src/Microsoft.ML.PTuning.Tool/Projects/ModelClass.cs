using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Projects;

/// <summary>What the generated code says of a model: its class's name, its columns, and how it was trained.</summary>
/// <param name="Name">The class's name.</param>
/// <param name="Namespace">The namespace that it is in.</param>
/// <param name="DataPath">Rows to train with again.</param>
/// <param name="DataColumns">The columns of that file, in their order; empty if it is not there.</param>
internal sealed partial record ModelClass(string Name, string Namespace, LoadedModel Model, string DataPath, IReadOnlyList<string> DataColumns)
{
    private static readonly HashSet<string> s_reserved =
    [
        .. ("abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else enum event explicit extern false "
            + "finally fixed float for foreach goto if implicit in int interface internal is lock long namespace new null object operator out override params private "
            + "protected public readonly ref return sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint ulong unchecked "
            + "unsafe ushort using virtual void volatile while").Split(' '),
        "ModelInput", "ModelOutput", // The classes that have the properties.
    ];

    /// <summary>The separator of the data file's fields.</summary>
    public string Delimiter { get; init; } = DataPath.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? "," : "\t";

    /// <summary>The separator of the data file's fields, as C# spells it.</summary>
    public string Separator => Delimiter == "\t" ? "'\\t'" : $"'{Delimiter}'";

    /// <summary>Whether fields of the data file may stand in quotes.</summary>
    public string Quoting => Delimiter == "\t" ? "false" : "true";

    /// <summary>Whether ML.NET's text loader can read the rows: values between separators, none of them a list.</summary>
    public bool IsFlat => Path.GetExtension(DataPath).ToLowerInvariant() is ".csv" or ".tsv" or ".txt" or ".tab"
        && Model.Input.All(column => column.Type is not VectorDataViewType);

    /// <summary>Whether there is a score per class, so that all labels can be listed.</summary>
    public bool HasClassScores => Model.Task is ClassificationTask;

    public string Label => Model.Label ?? "Label";

    /// <summary>The columns of the rows, as properties.</summary>
    public string InputProperties => Properties(Model.Input.Select((column, i) => (column.Name, CSharpType(column.Type), IsFlat ? (int?)PlaceOf(column.Name, i) : null)));

    /// <summary>The columns of a prediction, as properties: those of the rows, the label as the pipeline leaves it, then what the model adds.</summary>
    public string OutputProperties
    {
        get
        {
            var schema = Model.Whole.GetOutputSchema(Model.Input);
            var added = Model.Outputs.Select(name => schema[name]);
            return Properties(Model.Input.Select(column => schema[column.Name]).Concat(added).Select(column => (column.Name, CSharpType(column.Type), (int?)null)));
        }
    }

    /// <summary>A value for each column that is read, as initialisers of an object.</summary>
    public string Sample => string.Join(
        ",\n", Model.Reads.Select(name => $"    {Identifier(name)} = {(Model.Input[name].Type is VectorDataViewType ? "new[] { \"some\", \"words\" }" : "@\"some text\"")}"));

    /// <summary>Writes what was predicted to the console, as C#.</summary>
    public string Report => string.Join("\n", Model.Outputs.Where(name => !(HasClassScores && name == "Score"))
        .Select(name => $"Console.WriteLine($\"{name}: {{{Shown(name)}}}\");"));

    /// <summary>The pipeline, as C#.</summary>
    public string Pipeline
    {
        get
        {
            var options = Model.Task.Options(Model.Columns);
            var settings = ColumnSettings(options).Concat(OtherSettings()).Select(setting => $"                {setting.Name} = {setting.Value},");
            var trainer = $"mlContext.{Catalog}(new PTuningV2Trainer.{options.GetType().Name}\n            {{\n{string.Join("\n", settings)}\n            }})";
            return Model.Task is ClassificationTask or TagsTask
                ? $"mlContext.Transforms.Conversion.MapValueToKey(outputColumnName: {Quoted(Label)}, inputColumnName: {Quoted(Label)})\n"
                    + $"            .Append({trainer})\n"
                    + "            .Append(mlContext.Transforms.Conversion.MapKeyToValue(outputColumnName: @\"PredictedLabel\", inputColumnName: @\"PredictedLabel\"))"
                : trainer;
        }
    }

    /// <summary>A call that measures scored rows, as C#.</summary>
    public string Evaluation => Model.Task switch
    {
        ClassificationTask => $"mlContext.MulticlassClassification.Evaluate(scored, labelColumnName: {Quoted(Label)})",
        BinaryTask => $"mlContext.BinaryClassification.Evaluate(scored, labelColumnName: {Quoted(Label)})",
        RegressionTask => $"mlContext.Regression.Evaluate(scored, labelColumnName: {Quoted(Label)})",
        MultiLabelTask => $"mlContext.MulticlassClassification.EvaluateMultiLabel(scored, labelColumnName: {Quoted(Label)})",
        TagsTask => $"mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(scored, labelColumnName: {Quoted(Label)})",
        ChoicesTask => $"mlContext.MulticlassClassification.EvaluateMultipleChoice(scored, labelColumnName: {Quoted(Label)})",
        WritingTask => $"mlContext.MulticlassClassification.EvaluateText(scored, labelColumnName: {Quoted(Label)})",
        _ => $"mlContext.MulticlassClassification.EvaluateQuestionAnswer(scored, labelColumnName: {Quoted(Label)}, predictedAnswerColumnName: {Quoted(Model.Outputs[0])})",
    };

    /// <summary>The type of <see cref="Evaluation"/>.</summary>
    public string MetricsType => Model.Task switch
    {
        ClassificationTask => "MulticlassClassificationMetrics",
        BinaryTask => "CalibratedBinaryClassificationMetrics",
        RegressionTask => "RegressionMetrics",
        MultiLabelTask => "MultiLabelMetrics",
        TagsTask => "NamedEntityMetrics",
        ChoicesTask => "MultipleChoiceMetrics",
        WritingTask => "TextGenerationMetrics",
        _ => "QuestionAnswerMetrics",
    };

    private string Catalog => Model.Task switch
    {
        BinaryTask => "BinaryClassification.Trainers.PTuningV2",
        RegressionTask => "Regression.Trainers.PTuningV2",
        MultiLabelTask => "MulticlassClassification.Trainers.PTuningV2MultiLabel",
        TagsTask => "MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition",
        ChoicesTask => "MulticlassClassification.Trainers.PTuningV2MultipleChoice",
        AnswersTask => "MulticlassClassification.Trainers.PTuningV2QuestionAnswer",
        WritingTask => "MulticlassClassification.Trainers.PTuningV2TextGeneration",
        _ => "MulticlassClassification.Trainers.PTuningV2",
    };

    /// <returns>A name that C# takes, of any text.</returns>
    public static string Identifier(string text)
    {
        var name = NoLetters().Replace(text, "_");
        return name.Length == 0 || char.IsDigit(name[0]) || s_reserved.Contains(name) ? $"_{name}" : name;
    }

    /// <returns>The text as a literal of C#.</returns>
    public static string Quoted(string text) => $"@\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static string Properties(IEnumerable<(string Name, string Type, int? Place)> columns)
    {
        var used = new HashSet<string>();
        return string.Join("\n\n", columns.DistinctBy(column => column.Name).Select(column =>
        {
            var name = Identifier(column.Name);
            for (var i = 2; !used.Add(name); i++)
                name = $"{Identifier(column.Name)}{i}";
            var place = column.Place is { } at ? FormattableString.Invariant($"        [LoadColumn({at})]\n") : "";
            var empty = column.Type.EndsWith("[]", StringComparison.Ordinal) ? $" = Array.Empty<{column.Type[..^2]}>();" : "";
            return $"{place}        [ColumnName({Quoted(column.Name)})]\n        public {column.Type} {name} {{ get; set; }}{empty}";
        }));
    }

    // Where the file has it; where there is no file, the place among the rows' columns.
    private int PlaceOf(string column, int place) => DataColumns.ToList().IndexOf(column) is >= 0 and var at ? at : place;

    private static string CSharpType(DataViewType type) => type is VectorDataViewType vector ? $"{CSharpType(vector.ItemType)}[]"
        : type is TextDataViewType ? "string"
        : type is BooleanDataViewType ? "bool"
        : type.RawType == typeof(int) ? "int"
        : type.RawType == typeof(uint) ? "uint"
        : "float";

    // A list of values, or the value.
    private string Shown(string column) => Model.Whole.GetOutputSchema(Model.Input)[column].Type is VectorDataViewType
        ? $"string.Join(\" \", prediction.{Identifier(column)})" : $"prediction.{Identifier(column)}";

    private static IEnumerable<(string Name, string Value)> ColumnSettings(PTuningV2Trainer.Options options) =>
        from property in options.GetType().GetProperties()
        where property.Name.EndsWith("ColumnName", StringComparison.Ordinal) && property.PropertyType == typeof(string)
        let value = (string?)property.GetValue(options)
        let usual = (string?)property.GetValue(Activator.CreateInstance(options.GetType()))
        where value is not null && value != usual
        select (property.Name, Quoted(value));

    private IEnumerable<(string Name, string Value)> OtherSettings()
    {
        if (Tasks.TrainingSettings.Methods.TryGetValue(Model.Model.Method, out var method) && method() is { } named)
            yield return ("Method", $"new {named.GetType().Name}()");
        if (Model.Model.PrefixLength is > 0 and not 20)
            yield return ("PrefixLength", Model.Model.PrefixLength.ToString(CultureInfo.InvariantCulture));
        if (ProjectKinds.PackageOf(Model.Model.Backbone.Name) is null)
            yield return ("Backbone", Quoted(Model.Model.Backbone.Directory));
        if (Model.Model.Summary is { Epochs.Count: > 0 } summary)
        {
            yield return ("MaxEpochs", summary.Epochs.Count.ToString(CultureInfo.InvariantCulture));
            yield return ("Seed", summary.Seed.ToString(CultureInfo.InvariantCulture));
        }
    }

    [GeneratedRegex(@"[^\p{L}\p{Nd}_]")]
    private static partial Regex NoLetters();
}
