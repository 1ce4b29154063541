using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning;

/// <summary>What the methods share that put trained tokens among those of the text, in the input only.</summary>
public abstract class InputPromptMethod : TuningMethod
{
    private protected InputPromptMethod(int length) => Length = length;

    /// <summary>How many tokens a prompt has, P.</summary>
    public int Length { get; init; }

    /// <summary>Where they stand if the pattern does not say it.</summary>
    public PromptPlacement Placement { get; init; }

    internal sealed override int InsertedTokens => Length;

    internal sealed override bool TunesEmbeddings => true;

    internal override bool Stacks => true;

    internal override object StackKey => (GetType(), Length, Placement, ReadsFirstVector);

    /// <summary>Whether a head that reads one token reads the first trained vector's state instead.</summary>
    internal virtual bool ReadsFirstVector => false;

    internal sealed override int FirstTunedLayer(Backbone backbone) => 0;

    internal override IReadOnlyList<TensorDeclaration> Declare(Backbone backbone) =>
        [new(TrainedTensors.Prompt, [Length, backbone.Configuration.EmbeddingSize])];

    internal override ArrangedBatch Arrange(EncodedBatch batch, Backbone backbone) =>
        PromptArrangement.Arrange(batch, backbone, Placement, Length) with { ReadsFirstAdded = ReadsFirstVector };

    /// <remarks>In training each row has a dropout mask of its own.</remarks>
    internal override Tuning Tune(Backbone backbone, TrainedTensors tensors, int rows, Dropout? dropout)
    {
        var prompt = tensors[TrainedTensors.Prompt];                                                    // [P, E]
        return new(Prompts: new(dropout is null ? prompt : dropout.Apply(prompt.unsqueeze(0).expand(rows, -1, -1))));
    }

    internal override Tuning Stack(Backbone backbone, IReadOnlyList<ModelRows> models) => PromptArrangement.Stack(models);

    internal override void Check()
    {
        OptionRange.AtLeast(Length, 1);
        OptionRange.Defined(Placement);
        if (ReadsFirstVector)
            RequirePlacementBeforeText(nameof(PromptTuning.ReadsPrompt));
    }

    /// <param name="property">The property that needs the prompt before the text.</param>
    private protected void RequirePlacementBeforeText(string property)
    {
        if (Placement != PromptPlacement.BeforeText)
            throw new ArgumentException($"{property} needs the prompt before the text, but Placement is {Placement}.", nameof(Placement));
    }
}
