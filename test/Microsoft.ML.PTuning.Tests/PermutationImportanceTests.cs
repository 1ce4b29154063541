namespace Microsoft.ML.PTuning.Tests;

/// <summary>ML.NET's permutation feature importance permutes the slots of a vector of numbers, which a model of texts does not have.</summary>
[TestClass]
public sealed class PermutationImportanceTests
{
    [TestMethod]
    public void Permutation_importance_refuses_the_model()
    {
        using var model = new TinyModel();
        var mlContext = model.MLContext;
        var chain = mlContext.Transforms.CopyColumns("Copied", "Text").Fit(model.Data).Append(model.Transformer);

        foreach (ITransformer transformer in new ITransformer[] { model.Transformer, chain })
        {
            var refusal = Assert.ThrowsExactly<ArgumentNullException>(
                () => mlContext.MulticlassClassification.PermutationFeatureImportance(transformer, model.Data));
            Assert.Contains("does not have a compatible predictor", refusal.Message);
        }
    }
}
