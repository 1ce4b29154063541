using Microsoft.ML.PTuning.Checkpoints.Onnx;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>Saves a draft and reads it back.</summary>
internal sealed class OnnxReading : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public string Path => _directory.File("model.onnx");

    public string File(string name) => _directory.File(name);

    public OnnxModel Open(OnnxDraft draft) => OnnxModel.Open(draft.Save(Path));

    /// <summary>Fails unless these are a model's tensors, in order of their names.</summary>
    public void Holds(OnnxDraft draft, params (string Name, long[] Shape, float[] Numbers)[] expected)
    {
        using var model = Open(draft);
        CollectionAssert.AreEqual(expected.Select(tensor => $"{tensor.Name} F32 [{string.Join(", ", tensor.Shape)}]").ToArray(), List(model));
        foreach (var (name, _, numbers) in expected)
            CollectionAssert.AreEqual(numbers, Read(model, name), name);
    }

    /// <summary>Fails unless a model is refused for these reasons.</summary>
    public void RefusesBecause(OnnxDraft draft, params string[] reasons)
    {
        draft.Save(Path);
        RefusesBecause(reasons);
    }

    /// <summary>Fails unless the file is refused for these reasons.</summary>
    public void RefusesBecause(params string[] reasons)
    {
        var message = Assert.ThrowsExactly<InvalidDataException>(() => OnnxModel.Open(Path)).Message;
        StringAssert.Contains(message, $"'{Path}' cannot be read as ONNX: ");
        foreach (var reason in reasons)
            StringAssert.Contains(message, reason);
    }

    /// <summary>Name, type and shape of all tensors, in order.</summary>
    public static string[] List(OnnxModel model) =>
        [.. model.Tensors.Select(tensor => $"{tensor.Name} {tensor.Type} [{string.Join(", ", tensor.Shape)}]").Order(StringComparer.Ordinal)];

    public static float[] Read(OnnxModel model, string name)
    {
        var tensor = model.Tensors.Single(tensor => tensor.Name == name);
        var numbers = new float[tensor.Shape.Aggregate(1L, (count, size) => count * size)];
        model.Read(tensor, numbers);
        return numbers;
    }

    public void Dispose() => _directory.Dispose();
}
