using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>What families declare for the configurations of published checkpoints.</summary>
[TestClass]
public sealed class FamilyListingTests
{
    [TestMethod]
    [DataRow("bert-base-uncased")]
    [DataRow("bert-large-uncased")]
    [DataRow("roberta-base")]
    [DataRow("roberta-large")]
    [DataRow("xlm-roberta-base")]
    [DataRow("electra-small-discriminator")]
    [DataRow("distilbert-base-uncased")]
    [DataRow("albert-base-v2")]
    [DataRow("deberta-base")]
    [DataRow("deberta-v2-xlarge")]
    [DataRow("deberta-v3-base")]
    [DataRow("glm-large")]
    [DataRow("glm-2b")]
    [DataRow("glm-10b")]
    [DataRow("chatglm-6b")]
    public void A_published_checkpoints_tensors_are_those_approved(string name) =>
        CollectionAssert.AreEqual(PublishedConfiguration.Approved(name), Listing(name).Select(declaration => declaration.ToString()).ToArray());

    [TestMethod]
    [DataRow("bert-base-uncased", 199, 109_482_240L)]
    [DataRow("bert-large-uncased", 391, 335_141_888L)]
    [DataRow("roberta-base", 199, 124_645_632L)]
    [DataRow("roberta-large", 391, 355_359_744L)]
    [DataRow("xlm-roberta-base", 199, 278_043_648L)]
    [DataRow("electra-small-discriminator", 199, 13_483_008L)]
    [DataRow("distilbert-base-uncased", 100, 66_362_880L)]
    [DataRow("albert-base-v2", 25, 11_683_584L)]
    public void A_published_checkpoint_has_as_many_parameters_as_transformers_counts(string name, int tensors, long parameters)
    {
        var listing = Listing(name);

        Assert.HasCount(tensors, listing);
        Assert.AreEqual(parameters, Parameters(listing));
    }

    /// <summary>Optional is the position table of the language model's decoder, which is not the encoder's.</summary>
    [TestMethod]
    [DataRow("deberta-base", 196, 138_601_728L)]
    [DataRow("deberta-v2-xlarge", 394, 884_593_152L)]
    [DataRow("deberta-v3-base", 198, 183_831_552L)]
    public void A_published_encoder_has_as_many_parameters_as_transformers_counts(string name, int tensors, long parameters)
    {
        var listing = Listing(name).Where(declaration => !declaration.Optional).ToArray();

        Assert.HasCount(tensors, listing);
        Assert.AreEqual(parameters, Parameters(listing));
    }

    /// <summary>To the digits that the README files of GLM and ChatGLM-6B give.</summary>
    [TestMethod]
    [DataRow("glm-large", 335e6, 0.5e6)]
    [DataRow("glm-2b", 2e9, 0.5e9)]
    [DataRow("glm-10b", 10e9, 0.5e9)]
    [DataRow("chatglm-6b", 6.2e9, 0.05e9)]
    public void A_published_checkpoint_has_as_many_parameters_as_its_authors_say(string name, double parameters, double rounding) =>
        Assert.AreEqual(parameters, Parameters(Listing(name)), rounding);

    private static long Parameters(IEnumerable<TensorDeclaration> listing) =>
        listing.Sum(declaration => declaration.Shape.Aggregate(1L, (product, size) => product * size));

    private static IReadOnlyList<TensorDeclaration> Listing(string name)
    {
        var configuration = PublishedConfiguration.Read(name);
        return BackboneFamilies.Find(configuration.ModelType)!.Declare(configuration);
    }
}
