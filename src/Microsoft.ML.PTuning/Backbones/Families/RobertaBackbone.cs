using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>RoBERTa (Liu et al. 2019): BERT's layers and names, its own positions, one segment type.</summary>
/// <remarks>XLM-R (Conneau et al. 2020) is the same encoder over another vocabulary.</remarks>
internal sealed class RobertaBackbone(BackboneConfiguration configuration, FrozenTensors tensors)
    : PostNormBackbone(configuration, tensors, BertBackbone.Names)
{
    public static IReadOnlyList<BackboneFamily> Families { get; } = [Named("roberta"), Named("xlm-roberta")];

    /// <summary>No token uses the rows up to the padding token's id.</summary>
    public override int MaxPositions => Configuration.MaxPositionEmbeddings - FirstPosition;

    public override bool CountsFromPadToken => true;

    private int FirstPosition => Configuration.PadTokenId + 1;

    /// <summary>Token t has position offset + pad id + 1 + t; padding, which follows the tokens, has position pad id.</summary>
    protected override Tensor Positions(EncodedBatch batch, int offset)
    {
        var first = offset + FirstPosition;
        var tokens = Arithmetic.Range(first, first + batch.Length, batch.Ids.device);      // [T]
        if (batch.Mask is not { } mask)
            return tokens;

        var padding = batch.Ids.Filled(Configuration.PadTokenId);                          // [B, T]
        return padding.where(mask.IsZero(), tokens);                                       // [B, T]
    }

    private static BackboneFamily Named(string modelType) => new()
    {
        ModelType = modelType,
        Keys = new("roberta.") { Heads = ["lm_head."] },
        LanguageHead = new()
        {
            Dense = "lm_head.dense",
            Norm = "lm_head.layer_norm",
            Activation = "gelu",
            Bias = "lm_head.bias",
            Decoder = "lm_head.decoder.weight",
        },
        SentenceHead = new("classifier.dense", "classifier.out_proj"),
        TakesPrefix = true,
        Linear = (_, i) => BertBackbone.Names.Layer(i).Linear,
        DefaultPadTokenId = 1,
        Read = file => BackboneConfiguration.ReadAsBert(file, BackboneFamilies.Find(modelType)!),
        Declare = configuration => Declare(BertBackbone.Names, configuration),
        Create = (configuration, tensors) => new RobertaBackbone(configuration, tensors),
    };
}
