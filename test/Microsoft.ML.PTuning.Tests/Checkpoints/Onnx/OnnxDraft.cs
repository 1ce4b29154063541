using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tests.Formats;

namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>An ONNX file that a test writes, or reads and rewrites.</summary>
internal sealed class OnnxDraft
{
    private readonly List<byte[]> _inputs = [], _outputs = [];

    public List<DraftNode> Nodes { get; } = [];

    public List<DraftTensor> Tensors { get; } = [];

    /// <summary>What is needed of golden files: tensors whose numbers are raw.</summary>
    public static OnnxDraft Read(string path) => Read(File.ReadAllBytes(path));

    /// <inheritdoc cref="Read(string)"/>
    public static OnnxDraft Read(ReadOnlySpan<byte> file)
    {
        var draft = new OnnxDraft();
        for (var model = new ProtobufFields(file); model.MoveNext();)
        {
            if (model.Number != 7)
                continue;

            for (var graph = new ProtobufFields(model.Bytes); graph.MoveNext();)
            {
                switch (graph.Number)
                {
                    case 1: draft.Nodes.Add(ReadNode(graph.Bytes)); break;
                    case 5: draft.Tensors.Add(ReadTensor(graph.Bytes)); break;
                    case 11: draft._inputs.Add([.. graph.Bytes]); break;
                    case 12: draft._outputs.Add([.. graph.Bytes]); break;
                }
            }
        }

        return draft;
    }

    public DraftNode Add(string @operator, string[] inputs, string[] outputs, string name = "", string domain = "")
    {
        var node = new DraftNode(@operator, inputs, outputs, name, domain);
        Nodes.Add(node);
        return node;
    }

    /// <summary>Declares an input of the graph, of any size.</summary>
    public void AddInput(string name, OnnxType type, int dimensions) => _inputs.Add(ValueInfo(name, type, dimensions));

    public void AddOutput(string name, OnnxType type, int dimensions) => _outputs.Add(ValueInfo(name, type, dimensions));

    /// <summary>Declares the outputs anew, as hidden states of another type.</summary>
    public void SetOutputType(OnnxType type)
    {
        for (var i = 0; i < _outputs.Count; i++)
            _outputs[i] = ValueInfo(NameOf(_outputs[i]), type, dimensions: 3);
    }

    /// <summary>Has all nodes take another value instead of one.</summary>
    public void Redirect(string value, string other)
    {
        foreach (var node in Nodes)
            for (var i = 0; i < node.Inputs.Count; i++)
                if (node.Inputs[i] == value)
                    node.Inputs[i] = other;
    }

    public byte[] ToBytes() => new ProtobufWriter()
        .Varint(1, 7)
        .Text(2, "tests")
        .Message(7, WriteGraph)
        .Message(8, version => version.Text(1, "").Varint(2, 13))
        .Message(8, version => version.Text(1, "com.microsoft").Varint(2, 1))
        .ToArray();

    public string Save(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, ToBytes());
        return path;
    }

    private void WriteGraph(ProtobufWriter graph)
    {
        foreach (var node in Nodes)
            graph.Message(1, node.Write);
        graph.Text(2, "graph");
        foreach (var tensor in Tensors)
            graph.Message(5, tensor.Write);
        foreach (var input in _inputs)
            graph.Bytes(11, input);
        foreach (var output in _outputs)
            graph.Bytes(12, output);
    }

    private static string NameOf(byte[] valueInfo)
    {
        for (var fields = new ProtobufFields(valueInfo); fields.MoveNext();)
            if (fields.Number == 1)
                return fields.Text;
        return "";
    }

    private static byte[] ValueInfo(string name, OnnxType type, int dimensions) => new ProtobufWriter()
        .Text(1, name)
        .Message(2, typed => typed.Message(1, tensor => tensor.Varint(1, (long)type).Message(2, shape =>
        {
            for (var i = 0; i < dimensions; i++)
                shape.Message(1, size => size.Text(2, $"{name}_{i}"));
        })))
        .ToArray();

    private static DraftNode ReadNode(ReadOnlySpan<byte> message)
    {
        var node = new DraftNode("", [], []);
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            switch (fields.Number)
            {
                case 1: node.Inputs.Add(fields.Text); break;
                case 2: node.Outputs.Add(fields.Text); break;
                case 3: node.Name = fields.Text; break;
                case 4: node.Operator = fields.Text; break;
                case 5: node.Attributes.Add([.. fields.Bytes]); break;
            }
        }

        return node;
    }

    public static DraftTensor ReadTensor(ReadOnlySpan<byte> message)
    {
        var shape = new List<long>();
        var (name, type, numbers) = ("", default(OnnxType), Array.Empty<byte>());
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            switch (fields.Number)
            {
                case 1: shape.Add((long)fields.Varint); break;
                case 2: type = (OnnxType)fields.Varint; break;
                case 8: name = fields.Text; break;
                case 9: numbers = [.. fields.Bytes]; break;
            }
        }

        return new(name, type, [.. shape], numbers);
    }
}
