using Answers;
using Entities;
using Examples;
using Microsoft.ML;
using Microsoft.ML.PTuning;
using TicketRouting;

namespace Serving;

/// <summary>Trains the page's models from the texts of the other examples, with fewer passes over them, so that the service soon starts.</summary>
internal static class FirstModels
{
    public const string Queue = "queue", Entities = "entities", Answers = "answers";

    /// <summary>Trains those that the folder does not have.</summary>
    public static void TrainMissing(string folder)
    {
        var mlContext = new MLContext(seed: 1);
        Dictionary<string, Action<string>> training = new()
        {
            [Queue] = path => Train(path, mlContext, QueuePipeline, mlContext.Data.LoadFromTextFile<Ticket>(DataFile("tickets.train.tsv"), hasHeader: true)),
            [Entities] = path => Train(path, mlContext, EntitiesTrainer, mlContext.Data.LoadFromEnumerable(Message.Read(DataFile("messages.train.jsonl")))),
            [Answers] = path => Train(path, mlContext, AnswersTrainer, mlContext.Data.LoadFromEnumerable(Asked.Of(Page.Read(DataFile("pages.train.json"))))),
        };
        string[] missing = [.. training.Keys.Where(name => !File.Exists(PathOf(folder, name)))];
        if (missing.Length == 0)
            return;

        Console.WriteLine(
            $"Training {string.Join(", ", missing)} into {folder}. All three take two to three minutes on 2 cores; the next start finds them there.");
        Directory.CreateDirectory(folder);
        foreach (string name in missing)
        {
            Console.WriteLine($"{name}:");
            string unfinished = PathOf(folder, name) + ".unfinished"; // Moved when it is whole, as every model that is put into the folder should be.
            training[name](unfinished);
            File.Move(unfinished, PathOf(folder, name));
        }
    }

    public static string PathOf(string folder, string name) => Path.Combine(folder, $"{name}.zip");

    private static IEstimator<ITransformer> QueuePipeline(MLContext mlContext, IProgress<TrainingProgress> progress) =>
        mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(Ticket.Queue))
            .Append(mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
            {
                Sentence1ColumnName = nameof(Ticket.Text),
                MaxEpochs = 5,
                Progress = progress,
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

    private static PTuningV2Trainer EntitiesTrainer(MLContext mlContext, IProgress<TrainingProgress> progress) =>
        mlContext.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(new PTuningV2Trainer.NamedEntityOptions
        {
            Sentence1ColumnName = nameof(Message.Text),
            LabelColumnName = nameof(Message.Entities),
            EntitiesColumnName = nameof(Finding.Found),
            MaxEpochs = 16,
            Progress = progress,
        });

    private static PTuningV2Trainer AnswersTrainer(MLContext mlContext, IProgress<TrainingProgress> progress) =>
        mlContext.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(new PTuningV2Trainer.QuestionAnswerOptions
        {
            MaxEpochs = 14,
            Progress = progress,
        });

    private static void Train(
        string path, MLContext mlContext, Func<MLContext, IProgress<TrainingProgress>, IEstimator<ITransformer>> pipeline, IDataView rows)
    {
        ITransformer model = TrainingBar.Show(progress => pipeline(mlContext, progress).Fit(rows));
        mlContext.Model.Save(model, rows.Schema, path);
        (model as IDisposable)?.Dispose();
    }

    private static string DataFile(string name) => Path.Combine(AppContext.BaseDirectory, "data", name);
}
