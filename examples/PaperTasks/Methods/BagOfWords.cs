using Microsoft.ML;
using Microsoft.ML.Trainers;
using PaperTasks.DataSets;

namespace PaperTasks.Methods;

/// <summary>ML.NET's own text features, n-grams of words and of characters, and a linear model.</summary>
internal sealed record BagOfWords() : TextFeatures("bag-of-words", "n-grams of words and characters (FeaturizeText), learned by SDCA")
{
    protected override Learned Learn(TrainingRun run, SentenceData data, IDataView train) =>
        new(Fit(run, train, Featurize(run.Context, data.IsPair), Classes(run.Context)).Transform);

    private static IEstimator<ITransformer> Featurize(MLContext mlContext, bool isPair)
    {
        TransformsCatalog.TextTransforms texts = mlContext.Transforms.Text;
        return isPair
            ? texts.FeaturizeText("Features1", "Sentence1")
                .Append(texts.FeaturizeText("Features2", "Sentence2"))
                .Append(mlContext.Transforms.Concatenate(Features, "Features1", "Features2"))
            : texts.FeaturizeText(Features, "Sentence1");
    }

    private static SdcaMaximumEntropyMulticlassTrainer Classes(MLContext mlContext) =>
        mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = Threads });
}
