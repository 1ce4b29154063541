using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Tasks;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>What is trained over published checkpoints: a prefix of 20 in every layer, and a head for two classes.</summary>
[TestClass]
public sealed class TrainedListingTests
{
    [TestMethod]
    [DataRow("bert-base-uncased", true)]
    [DataRow("bert-large-uncased", true)]
    [DataRow("roberta-base", false)]
    [DataRow("roberta-large", false)]
    [DataRow("electra-small-discriminator", false)]
    [DataRow("deberta-base", false)]
    [DataRow("deberta-v3-base", false)]
    public void The_tensors_trained_over_a_published_checkpoint_are_those_approved(string name, bool hasPooler) =>
        CollectionAssert.AreEqual(
            PublishedConfiguration.Approved($"{name}.trained"),
            Trained(name, hasPooler).Select(tensor => $"{tensor.Name} {TensorDeclaration.Format(tensor.Shape)}").ToArray());

    /// <summary>2 P L H of the prefix, K (H + 1) of the head, and H (H + 1) of the pooler where it is trained.</summary>
    [TestMethod]
    [DataRow("bert-base-uncased", true, (2 * 20 * 12 * 768) + (2 * 769))]
    [DataRow("bert-large-uncased", true, (2 * 20 * 24 * 1024) + (2 * 1025))]
    [DataRow("roberta-base", false, (2 * 20 * 12 * 768) + (2 * 769) + (768 * 769))]
    [DataRow("roberta-large", false, (2 * 20 * 24 * 1024) + (2 * 1025) + (1024 * 1025))]
    [DataRow("electra-small-discriminator", false, (2 * 20 * 12 * 256) + (2 * 257) + (256 * 257))]
    [DataRow("deberta-base", false, (2 * 20 * 12 * 768) + (2 * 769) + (768 * 769))]
    [DataRow("deberta-v3-base", false, (2 * 20 * 12 * 768) + (2 * 769) + (768 * 769))]
    public void As_many_numbers_are_trained_as_the_formula_says(string name, bool hasPooler, int expected) =>
        Assert.AreEqual(expected, Count(Trained(name, hasPooler).Select(tensor => tensor.Shape)));

    [TestMethod]
    [DataRow("bert-base-uncased", true)]
    [DataRow("bert-large-uncased", true)]
    [DataRow("roberta-base", false)]
    [DataRow("roberta-large", false)]
    [DataRow("electra-small-discriminator", false)]
    [DataRow("deberta-base", false)]
    [DataRow("deberta-v3-base", false)]
    public void What_is_trained_is_between_a_tenth_and_three_percent_of_the_encoder(string name, bool hasPooler)
    {
        var configuration = PublishedConfiguration.Read(name);
        var encoder = Count(BackboneFamilies.Find(configuration.ModelType)!.Declare(configuration).Select(declaration => declaration.Shape));

        var share = (double)Count(Trained(name, hasPooler).Select(tensor => tensor.Shape)) / encoder;

        Assert.IsInRange(0.001, 0.03, share);
    }

    private static (string Name, long[] Shape)[] Trained(string name, bool hasPooler)
    {
        using var backbone = new WeightlessBackbone(PublishedConfiguration.Read(name), hasPooler);
        var prefix = PrefixShape.For(backbone.Configuration, length: 20, layers: 0).Dimensions;
        return [(TrainedTensors.Prefix, prefix), .. Any.Classification(classes: 2).Head.Declare(backbone).Select(tensor => (tensor.Name, tensor.Shape))];
    }

    private static long Count(IEnumerable<long[]> shapes) => shapes.Sum(shape => shape.Aggregate(1L, (product, size) => product * size));
}
