using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>ONNX Runtime, which runs a model that we only read.</summary>
internal static class OnnxJudge
{
    /// <param name="inputs">The golden file's inputs by name; a model takes those that it declares.</param>
    /// <returns>The model's first output, as F32.</returns>
    public static Tensor Run(string path, IReadOnlyDictionary<string, Tensor> inputs)
    {
        // The graph as it is in the file: nothing is fused or calculated in advance. One thread adds in one order.
        using var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL, IntraOpNumThreads = 1 };
        using var session = new InferenceSession(path, options);
        using var run = new RunOptions();
        var values = session.InputNames.ToDictionary(name => name, name => Value(name, inputs));
        try
        {
            using var outputs = session.Run(run, values, session.OutputNames.Take(1).ToArray());
            var shape = outputs[0].GetTensorTypeAndShape().Shape;
            return outputs[0].GetTensorTypeAndShape().ElementDataType == OnnxRuntime.Tensors.TensorElementType.Float16
                ? tensor(outputs[0].GetTensorDataAsSpan<Float16>().ToArray().Select(number => (float)number).ToArray(), shape)
                : tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray(), shape);
        }
        finally
        {
            foreach (var value in values.Values)
                value.Dispose();
        }
    }

    private static OrtValue Value(string name, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using var ids = inputs.TryGetValue($"input.{name}", out var given) ? given.to(ScalarType.Int64) : zeros_like(inputs["input.input_ids"]);
        return OrtValue.CreateTensorValueFromMemory(ids.data<long>().ToArray(), ids.shape);
    }
}
