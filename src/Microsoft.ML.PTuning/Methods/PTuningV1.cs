using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning;

/// <summary>P-tuning, the first version (Liu et al. 2021): trained vectors around the text, made by a small network.</summary>
/// <remarks>
/// <para>
/// The pattern says where the vectors stand: <see cref="PTuningV2Trainer.SentenceOptions.Pattern"/>, with as many places as there are vectors. Without
/// one, <see cref="InputPromptMethod.Placement"/> does.
/// </para>
/// <para>
/// The network is computed once per step and not saved: the model keeps the vectors. The encoder stays frozen, as in the paper's experiments with LAMA.
/// Rows of several such models share a batch as with <see cref="PromptTuning"/>.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Method = new PTuningV1 { Length = 9, Network = PromptNetworkKind.Lstm },
/// });
/// </code>
/// </example>
public sealed class PTuningV1() : InputPromptMethod(length: 9)
{
    internal const string Kind = "p-tuning-v1";

    /// <summary>The network that makes them.</summary>
    public PromptNetworkKind Network { get; init; }

    /// <summary>Units of the LSTM per direction; 0 for half the size of a vector, as in the experiments with LAMA.</summary>
    public int LstmSize { get; init; }

    /// <inheritdoc cref="PromptTuning.ReadsPrompt"/>
    public bool ReadsPrompt { get; init; }

    internal override double? UsualLearningRate => 1e-3;

    internal override bool ReadsFirstVector => ReadsPrompt;

    internal override MethodParameters Create(Backbone backbone, FirstValues first)
    {
        var size = backbone.Configuration.EmbeddingSize;
        if (first.Values?.Contains(TrainedTensors.Prompt) == true)
            return DirectParameters.Of(TrainedTensors.Prompt, first.Of(TrainedTensors.Prompt, first.Weight)(Length, size)); // A model keeps no network.

        var vectors = FirstValues.Scaled(first.Weight, deviation: 1);
        return Network switch
        {
            PromptNetworkKind.Lstm => new LstmPrompt(vectors(Length, size), LstmSize > 0 ? LstmSize : Math.Max(1, size / 2), first.ByFanIn),
            PromptNetworkKind.Mlp => new MlpPrompt(vectors(Length, size), first.ByFanIn),
            _ => DirectParameters.Of(TrainedTensors.Prompt, first.Weight(Length, size)),
        };
    }

    internal override void Check()
    {
        base.Check();
        OptionRange.AtLeast(LstmSize, 0);
        OptionRange.Defined(Network);
    }
}

/// <summary>The network that makes the vectors of a prompt from trained ones.</summary>
public enum PromptNetworkKind
{
    /// <summary>A bidirectional LSTM of two layers, then linear, ReLU, linear.</summary>
    Lstm,

    /// <summary>Linear, ReLU, linear.</summary>
    Mlp,

    /// <summary>None: the vectors themselves are trained.</summary>
    None,
}
