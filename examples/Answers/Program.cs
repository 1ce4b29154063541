using Answers;
using Examples;
using Microsoft.ML;
using Microsoft.ML.PTuning;
using Spectre.Console;

// Answers customers' questions with words from a help page, or says that the page has no answer.

string dataFolder = Path.Combine(AppContext.BaseDirectory, "data");
string modelPath = Path.Combine(AppContext.BaseDirectory, "Answers.zip");

// 1. Load the questions, with the passages they are asked about. The test pages are not among the training pages.
var mlContext = new MLContext(seed: 1);
Asked[] test = [.. Asked.Of(Page.Read(Path.Combine(dataFolder, "pages.test.json")))];
IDataView trainingQuestions = mlContext.Data.LoadFromEnumerable(Asked.Of(Page.Read(Path.Combine(dataFolder, "pages.train.json"))));
IDataView testQuestions = mlContext.Data.LoadFromEnumerable(test);

// 2. Train with the default options and the default encoder. The columns have the names that the trainer expects.
using PTuningV2Transformer model = TrainingBar.Show(progress =>
{
    var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(new PTuningV2Trainer.QuestionAnswerOptions
    {
        Advanced = { Shards = 2 }, // The same figures on any number of cores.
        Progress = progress,
    });

    return trainer.Fit(trainingQuestions);
});

// 3. Evaluate on pages that training has not seen, beside two ways to answer that need no training.
var scores = new Table().Title("On pages that training has not seen").AddColumn("Answer");
foreach (string figure in new[] { "Exact match", "F1", "F1 answerable", "F1 unanswerable" })
    scores.AddColumn(new TableColumn(figure).RightAligned());
AddScores("model", model.Transform(testQuestions));
AddScores("first sentence", WithAnswer(asked => asked.Context[..(asked.Context.IndexOf('.') + 1)]));
AddScores("always none", WithAnswer(_ => ""));
Console.WriteLine();
AnsiConsole.Write(scores);

// 4. Save. The zip holds the prefix, the head and a reference to the encoder, never the encoder.
mlContext.Model.Save(model, trainingQuestions.Schema, modelPath);

TrainingSummary summary = model.Summary!;
BackboneDescription backbone = model.Backbone;
Console.WriteLine($"Trained        {summary.TrainedParameters:N0} parameters in {summary.TrainingTime.TotalSeconds:F0} s,"
    + $" {summary.TrainedShare:P1} of the encoder's {backbone.ParameterCount:N0}");
Console.WriteLine($"Saved          {new FileInfo(modelPath).Length / 1024.0:N0} KiB in {Path.GetFileName(modelPath)},"
    + $" beside {backbone.FileBytes / 1024.0:N0} KiB of the encoder");
foreach (TrainingWarning warning in summary.Warnings)
    Console.WriteLine($"Warning        {warning}");

// 5. Load and answer, as another process would.
ITransformer loaded = mlContext.Model.Load(modelPath, out _);
using PredictionEngine<Asked, Reply> assistant = mlContext.Model.CreatePredictionEngine<Asked, Reply>(loaded);

const string Cover = "The cover keeps the lid clean. It costs 14 euros and is made of felt. Wash it once a month, with cold water.";
const string Fan = "The fan cools the motor. Wipe it every two months with a soft brush. If it is loud, press the blue button.";
(string Question, string Context)[] newQuestions =
[
    ("How much does the cover cost?", Cover),
    ("What is the cover made of?", Cover),
    ("How often should I wipe the fan?", Fan),
    ("Which button do I press if the fan is loud?", Fan),
];

foreach (var (question, context) in newQuestions)
{
    Reply reply = assistant.Predict(new Asked { Question = question, Context = context });
    var table = new Table().AddColumn("Answer");
    table.AddColumn(new TableColumn("Start").RightAligned()).AddColumn(new TableColumn("Probability").RightAligned());
    for (int i = 0; i < reply.Answer.Length; i++)
        table.AddRow(new Text(Shown(reply.Answer[i])), new Text($"{reply.AnswerStart[i]}"), new Text($"{reply.Score[i]:P0}"));

    Console.WriteLine();
    AnsiConsole.Write(new Text(question + "\n", new Style(decoration: Decoration.Bold)));
    AnsiConsole.Write(Marked(context, reply.Answer[0], reply.AnswerStart[0]));
    AnsiConsole.Write(table);
}

void AddScores(string name, IDataView answered)
{
    QuestionAnswerMetrics metrics = mlContext.MulticlassClassification.EvaluateQuestionAnswer(answered);
    scores.AddRow(name, $"{metrics.ExactMatch:F3}", $"{metrics.F1:F3}", $"{metrics.Answerable?.F1:F3}", $"{metrics.Unanswerable?.F1:F3}");
}

IDataView WithAnswer(Func<Asked, string> answer) =>
    mlContext.Data.LoadFromEnumerable(test.Select(asked => new Guess { TrainingAnswer = asked.TrainingAnswer, Answer = answer(asked) }));

static string Shown(string answer) => answer.Length > 0 ? answer : "(does not say)";

// The context with the answer in colour.
static Paragraph Marked(string context, string answer, int start)
{
    if (start < 0)
        return new Paragraph(context + "\n");

    int end = start + answer.Length;
    return new Paragraph(context[..start])
        .Append(context[start..end], new Style(Color.Green, decoration: Decoration.Underline))
        .Append(context[end..] + "\n");
}
