using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Families;

[TestClass]
[TestCategory("Numeric")]
public sealed class BartBackboneTests
{
    [TestMethod]
    public void The_first_layers_give_what_the_encoder_of_transformers_gives()
    {
        using var golden = BackboneGoldenTests.Open("bart");

        ExactNumbers.AreClose(golden, golden.Tensors["expect.encoder.last"], weights =>
        {
            var backbone = weights.Backbone;
            var batch = backbone.AddDecoder(golden.Batch, perToken: true);
            var layers = Enumerable.Range(0, backbone.Configuration.Layers).Count(layer => backbone.StackOf(layer) == 0);
            return backbone.RunLayers(backbone.Embed(batch, positionOffset: 0), batch, tuning: null, 0, layers).narrow(1, 0, batch.Length);
        });
    }

    /// <summary>At real tokens: transformers lets the decoder's padding see padding.</summary>
    [TestMethod]
    public void The_decoder_gives_the_logits_of_transformers()
    {
        using var golden = BackboneGoldenTests.Open("bart");
        using var scope = NewDisposeScope();
        var real = golden.Batch.Mask!.unsqueeze(-1);

        ExactNumbers.AreClose(golden, golden.Tensors["expect.logits"] * real, weights =>
        {
            using var language = weights.Backbone.WithLanguageHead(golden.Directory);
            var states = language.Forward(golden.Batch);
            return language.LanguageHead!.Forward(states.reshape(-1, states.size(2))).view(states.size(0), states.size(1), -1) * real;
        });
    }
}
