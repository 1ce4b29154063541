using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML;

public static partial class PTuningCatalog
{
    /// <summary>The answer to a question, cut from a context of any length (SQuAD: Rajpurkar et al. 2016, 2018).</summary>
    /// <param name="contextColumnName">The text that answers are cut from.</param>
    /// <param name="questionColumnName">The question, text.</param>
    /// <param name="trainingAnswerColumnName">The right answer, text; empty where there is none.</param>
    /// <param name="answerIndexColumnName">The character of the context at which it starts, Int32; below 0 where there is none.</param>
    /// <param name="predictedAnswerColumnName">The best answers, best first, a vector of text; "" for no answer.</param>
    /// <param name="scoreColumnName">Their probabilities, a vector of Single.</param>
    /// <param name="topK">Most answers of a row.</param>
    /// <param name="backbone">A folder in Hugging Face layout, a hub id that is on this machine, or a bundled encoder's name; null for the default encoder.</param>
    /// <param name="prefixLength">Prefix vectors per layer.</param>
    /// <param name="learningRate">AdamW's learning rate.</param>
    /// <param name="batchSize">Windows of a training step; a short context is one window.</param>
    /// <param name="maxEpochs">Passes over the training rows; 0 for a number that follows from theirs.</param>
    /// <param name="validationSet">Rows that choose the best epoch; null to keep the last.</param>
    public static PTuningV2Trainer PTuningV2QuestionAnswer(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string contextColumnName = "Context",
        string questionColumnName = "Question",
        string trainingAnswerColumnName = "TrainingAnswer",
        string answerIndexColumnName = "AnswerIndex",
        string predictedAnswerColumnName = "Answer",
        string scoreColumnName = "Score",
        int topK = 3,
        string? backbone = null,
        int prefixLength = 50,
        double learningRate = 2e-2,
        int batchSize = 32,
        int maxEpochs = 0,
        IDataView? validationSet = null) =>
        catalog.PTuningV2QuestionAnswer(Trained(new PTuningV2Trainer.QuestionAnswerOptions
        {
            ContextColumnName = contextColumnName,
            QuestionColumnName = questionColumnName,
            TrainingAnswerColumnName = trainingAnswerColumnName,
            AnswerIndexColumnName = answerIndexColumnName,
            PredictedAnswerColumnName = predictedAnswerColumnName,
            ScoreColumnName = scoreColumnName,
            TopK = topK,
            NBest = Math.Max(topK, 20),
        }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

    /// <summary>The answer to a question, cut from a context of any length (SQuAD: Rajpurkar et al. 2016, 2018).</summary>
    public static PTuningV2Trainer PTuningV2QuestionAnswer(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.QuestionAnswerOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new PTuningV2Trainer(CatalogUtils.GetEnvironment(catalog), options, new QuestionAnswering
        {
            ContextColumnName = options.ContextColumnName,
            QuestionColumnName = options.QuestionColumnName,
            TrainingAnswerColumnName = options.TrainingAnswerColumnName,
            AnswerIndexColumnName = options.AnswerIndexColumnName,
            PredictedAnswerColumnName = options.PredictedAnswerColumnName,
            ScoreColumnName = options.ScoreColumnName,
            AnswerStartColumnName = options.AnswerStartColumnName,
            NoAnswerScoreColumnName = options.NoAnswerScoreColumnName,
            TopK = options.TopK,
            NBest = options.NBest,
            MaxAnswerLength = options.MaxAnswerLength,
            DocumentStride = options.DocumentStride,
            NoAnswerThreshold = options.NoAnswerThreshold,
            MaxLength = options.MaxLength,
            CountsPadding = options.PadToMaxLength,
        });
    }
}
