using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>The networks of PEFT's P_TUNING: over the vectors nothing or a bidirectional LSTM of two layers, then linear layers with ReLU between.</summary>
/// <remarks>They differ in size from those of the first P-tuning, which this library trains. An adapter has their output only.</remarks>
/// <param name="tensors">By their names in PEFT: <c>embedding.weight</c>, <c>lstm_head.weight_ih_l0</c>, <c>mlp_head.0.weight</c>.</param>
internal sealed class PeftPromptNetwork(IReadOnlyDictionary<string, Tensor> tensors) : MethodParameters
{
    public override IReadOnlyList<Tensor> Parameters { get; } = [.. tensors.Values];

    public override IReadOnlyDictionary<string, Tensor> Values() => new Dictionary<string, Tensor> { [TrainedTensors.Prompt] = Prompt() };

    private Tensor Prompt()
    {
        var sequence = tensors["embedding.weight"];                                                              // [P, E]
        for (var layer = 0; tensors.ContainsKey($"lstm_head.weight_ih_l{layer}"); layer++)
            sequence = cat([Direction(sequence, $"l{layer}"), Direction(sequence.flip(0), $"l{layer}_reverse").flip(0)], 1); // [P, 2d]

        string[] linear = [.. ((int[])[0, 2, 4]).Select(place => $"mlp_head.{place}").Where(module => tensors.ContainsKey($"{module}.weight"))];
        foreach (var module in linear)
        {
            sequence = nn.functional.linear(sequence, tensors[$"{module}.weight"], tensors[$"{module}.bias"]);
            if (module != linear[^1])
                sequence = sequence.relu();
        }
        return sequence;
    }

    /// <summary>The states of an LSTM after each step, <c>[P, d]</c>; its gates are input, forget, cell and output.</summary>
    private Tensor Direction(Tensor sequence, string name)
    {
        var inputs = nn.functional.linear(sequence, tensors[$"lstm_head.weight_ih_{name}"], tensors[$"lstm_head.bias_ih_{name}"]); // [P, 4d]
        var size = inputs.size(1) / 4;
        var (state, cell) = (zeros(1, size, inputs.dtype), zeros(1, size, inputs.dtype));
        var states = new List<Tensor>();
        foreach (var input in inputs.split(1, 0))
        {
            var gates = (input + nn.functional.linear(state, tensors[$"lstm_head.weight_hh_{name}"], tensors[$"lstm_head.bias_hh_{name}"])).chunk(4, 1);
            cell = gates[1].sigmoid() * cell + gates[0].sigmoid() * gates[2].tanh();
            state = gates[3].sigmoid() * cell.tanh();
            states.Add(state);
        }
        return cat(states, 0);
    }
}
