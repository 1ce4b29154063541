using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>A prompt that a network makes from trained vectors: the prompt encoder of P-tuning (Liu et al. 2021).</summary>
internal abstract class PromptParameters : MethodParameters
{
    public sealed override IReadOnlyDictionary<string, Tensor> Values()
    {
        using var scope = NewDisposeScope();
        return new Dictionary<string, Tensor> { [TrainedTensors.Prompt] = Prompt().MoveToOuterDisposeScope() };
    }

    /// <summary>The prompt, differentiable in the parameters: <c>[P, E]</c>.</summary>
    protected abstract Tensor Prompt();
}

/// <summary>Linear, ReLU, linear over the trained vectors.</summary>
/// <param name="vectors"><c>[P, E]</c>.</param>
/// <param name="weight">Initialises the layers.</param>
internal sealed class MlpPrompt(Tensor vectors, Initializer weight) : PromptParameters
{
    private readonly TwoLayers _layers = new(vectors.size(1), vectors.size(1), weight);

    /// <summary>The vectors, then weight and bias of each layer.</summary>
    public override IReadOnlyList<Tensor> Parameters => [vectors, .. _layers.Parameters];

    protected override Tensor Prompt() => _layers.Forward(vectors);
}

/// <summary>A bidirectional LSTM of two layers (Hochreiter &amp; Schmidhuber 1997) over the trained vectors, then linear, ReLU, linear.</summary>
/// <param name="vectors"><c>[P, E]</c>.</param>
/// <param name="size">Units per direction, d.</param>
/// <param name="weight">Initialises the layers.</param>
internal sealed class LstmPrompt(Tensor vectors, int size, Initializer weight) : PromptParameters
{
    private readonly Direction[][] _layers =
    [
        [new(vectors.size(1), size, weight), new(vectors.size(1), size, weight)],
        [new(2 * size, size, weight), new(2 * size, size, weight)],
    ];

    private readonly TwoLayers _head = new(2 * size, vectors.size(1), weight);

    /// <summary>
    /// The vectors; for each layer and direction, forward first, the weights of the input and of the state and the biases of both; then weight and bias
    /// of each linear layer.
    /// </summary>
    public override IReadOnlyList<Tensor> Parameters =>
        [vectors, .. _layers.SelectMany(layer => layer).SelectMany(direction => direction.Parameters), .. _head.Parameters];

    protected override Tensor Prompt()
    {
        var sequence = vectors;
        foreach (var layer in _layers)
            sequence = cat([layer[0].Forward(sequence), layer[1].Forward(sequence.flip(0)).flip(0)], 1);        // [P, 2d]
        return _head.Forward(sequence);
    }

    /// <summary>One direction of a layer.</summary>
    private sealed class Direction(long inputs, int size, Initializer weight)
    {
        private readonly Tensor _ofInput = weight(4 * size, inputs);
        private readonly Tensor _ofState = weight(4 * size, size);
        private readonly Tensor _inputBias = weight(4 * size);
        private readonly Tensor _stateBias = weight(4 * size);

        public IEnumerable<Tensor> Parameters => [_ofInput, _ofState, _inputBias, _stateBias];

        /// <param name="sequence"><c>[P, inputs]</c>.</param>
        /// <returns>The state after each step, <c>[P, d]</c>.</returns>
        public Tensor Forward(Tensor sequence)
        {
            var inputs = nn.functional.linear(sequence, _ofInput, _inputBias);                                   // [P, 4d]
            var (state, cell) = (zeros(size, inputs.dtype, inputs.device), zeros(size, inputs.dtype, inputs.device));
            var states = new List<Tensor>();
            foreach (var input in inputs.unbind(0))
            {
                var gates = input.Plus(nn.functional.linear(state.unsqueeze(0), _ofState, _stateBias).squeeze(0)).chunk(4, 0);
                cell = gates[1].sigmoid().mul(cell).Plus(gates[0].sigmoid().mul(gates[2].tanh()));
                state = gates[3].sigmoid().mul(cell.tanh());
                states.Add(state);
            }
            return stack(states, 0);
        }
    }
}

/// <summary>Linear, ReLU, linear.</summary>
internal sealed class TwoLayers(long inputs, long outputs, Initializer weight)
{
    private readonly Tensor _inWeight = weight(outputs, inputs);
    private readonly Tensor _inBias = weight(outputs);
    private readonly Tensor _outWeight = weight(outputs, outputs);
    private readonly Tensor _outBias = weight(outputs);

    public IEnumerable<Tensor> Parameters => [_inWeight, _inBias, _outWeight, _outBias];

    public Tensor Forward(Tensor x) => nn.functional.linear(nn.functional.linear(x, _inWeight, _inBias).relu(), _outWeight, _outBias);
}
