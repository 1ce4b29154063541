using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tool.Projects;

/// <summary>The files that ML.NET Model Builder keeps of a model: consumption, training, evaluation and <c>.mbconfig</c>.</summary>
internal static class ModelBuilderProject
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    public static IEnumerable<(string Path, string Text)> Files(ModelClass model) =>
    [
        ConsumptionFile.Of(model), TrainingFile.Of(model), TrainingFile.Evaluation(model), ConsoleProject.Program(model),
        ($"{model.Name}.mbconfig", Configuration(model)),
    ];

    private static string Configuration(ModelClass model) => JsonSerializer.Serialize(
        new
        {
            Type = "TrainingConfig",
            Version = 3,
            Scenario = Scenario(model),
            DataSource = new
            {
                Type = "TabularFile",
                Version = 1,
                FilePath = model.DataPath,
                Delimiter = model.Delimiter,
                HasHeader = true,
                ColumnProperties = model.Model.Input.Select(column => new
                {
                    ColumnName = column.Name,
                    ColumnPurpose = column.Name == model.Label ? "Label" : model.Model.Reads.Contains(column.Name) ? "Feature" : "Ignore",
                    ColumnDataFormat = column.Type is TextDataViewType ? "String" : column.Type is BooleanDataViewType ? "Boolean" : "Single",
                    IsCategorical = column.Name == model.Label && model.HasClassScores,
                    Type = "Column",
                    Version = 2,
                }),
            },
            Environment = new { Type = "LocalCPU", Version = 1 },
            RunHistory = new { Version = 1, Type = "Result", Trials = Array.Empty<object>(), Pipeline = "PTuningV2", MetricName = "" },
        },
        s_json);

    private static string Scenario(ModelClass model) => model.Model.Task switch
    {
        ClassificationTask or BinaryTask => "TextClassification",
        RegressionTask => "SentenceSimilarity",
        TagsTask => "NamedEntityRecognition",
        AnswersTask => "QuestionAnswering",
        _ => "Default",
    };
}
