using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using PaperTasks.DataSets;

namespace PaperTasks.Methods;

/// <summary>Methods that turn texts into numbers first and then train a linear model of ML.NET.</summary>
/// <remarks>Choices are learned as pairs of premise and choice, each right or wrong; the likeliest one is chosen.</remarks>
internal abstract record TextFeatures(string Name, string Summary) : Method(Name, Summary)
{
    /// <summary>The column of numbers.</summary>
    protected const string Features = "Features";

    /// <summary>Threads of a trainer: with one the seed decides everything.</summary>
    protected const int Threads = 1;

    public sealed override bool Suits(PaperTask task) => task is SentenceTask or ChoiceTask;

    public sealed override TaskData Shape(TaskData data) => data is ChoiceData choices ? choices.ToPairs() : data;

    public sealed override Learned Learn(TrainingRun run, IDataView train, IDataView dev) =>
        run.Data is SentenceData data ? Learn(run, data, train) : throw Refuse(run.Data);

    protected abstract Learned Learn(TrainingRun run, SentenceData data, IDataView train);

    /// <param name="features">Makes the column <see cref="Features"/>.</param>
    /// <param name="classes">Learns classes from it; numbers are learned by least squares with a penalty.</param>
    protected static ITransformer Fit(TrainingRun run, IDataView train, IEstimator<ITransformer> features, IEstimator<ITransformer> classes)
    {
        IEstimator<ITransformer> trainer = run.Data is SentenceData { IsRegression: true } ? LeastSquares(run.Context) : classes;
        return new EstimatorChain<ITransformer>().Append(features).AppendCacheCheckpoint(run.Context).Append(trainer).Fit(train);
    }

    // ML.NET has no other sound one here: its L-BFGS regression is Poisson's, for counts, and OnlineGradientDescent takes one unscaled pass.
    private static SdcaRegressionTrainer LeastSquares(MLContext mlContext) =>
        mlContext.Regression.Trainers.Sdca(new SdcaRegressionTrainer.Options { NumberOfThreads = Threads });
}
