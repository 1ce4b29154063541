using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>Reads the messages of onnx.proto: a model's graph, its nodes and tensors. The tensors' numbers stay where they are.</summary>
/// <remarks>
/// Throws <see cref="FormatException"/> where a message is none, or announces what is not there. Graphs inside of nodes (the branches of an If)
/// are not looked into; encoders keep no weights in them.
/// </remarks>
internal static class OnnxParser
{
    /// <summary>More than any tensor of an encoder has.</summary>
    private const int MostDimensions = 16;

    /// <summary>The attributes that say how a node takes its weights.</summary>
    private static readonly HashSet<string> Used = ["axis", "perm", "transB", "block_size"];

    /// <summary>Reads a ModelProto.</summary>
    public static OnnxGraph Read(ReadOnlySpan<byte> model)
    {
        OnnxGraph? graph = null;
        for (var fields = new ProtobufFields(model); fields.MoveNext();)
        {
            if (fields.Number == 7)
                graph = graph is null ? ReadGraph(fields.Bytes, fields.Offset) : throw new FormatException("it holds two graphs");
        }

        return graph ?? throw new FormatException("it holds no graph");
    }

    private static OnnxGraph ReadGraph(ReadOnlySpan<byte> message, int at)
    {
        var constants = new List<OnnxConstant>();
        var nodes = new List<OnnxNode>();
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            switch (fields.Number)
            {
                case 1:
                    ReadNode(fields.Bytes, at + fields.Offset, nodes, constants);
                    break;
                case 5:
                    constants.Add(ReadTensor(fields.Bytes, at + fields.Offset));
                    break;
                case 15:
                    throw new FormatException("it holds sparse tensors, which are not read; export it with dense ones");
            }
        }

        return new(constants, nodes);
    }

    private static void ReadNode(ReadOnlySpan<byte> message, int at, List<OnnxNode> nodes, List<OnnxConstant> constants)
    {
        var (name, kind, domain) = ("", "", "");
        var (inputs, outputs) = (new List<string>(), new List<string>());
        var numbers = new Dictionary<string, long[]>(StringComparer.Ordinal);
        var factor = 1f;
        OnnxConstant? value = null;
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            switch (fields.Number)
            {
                case 1: inputs.Add(fields.Text); break;
                case 2: outputs.Add(fields.Text); break;
                case 3: name = fields.Text; break;
                case 4: kind = fields.Text; break;
                case 7: domain = fields.Text; break;
                case 5: ReadAttribute(fields.Bytes, at + fields.Offset, numbers, ref factor, ref value); break;
            }
        }

        if (kind != "Constant")
            nodes.Add(new(name, kind, domain, inputs, outputs, numbers, factor));
        else if (value is not null && outputs is [var output])
            constants.Add(value with { Name = output });
    }

    private static void ReadAttribute(ReadOnlySpan<byte> message, int at, Dictionary<string, long[]> numbers, ref float factor, ref OnnxConstant? value)
    {
        var name = "";
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
            if (fields.Number == 1)
                name = fields.Text;

        var list = new List<long>();
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            if (fields.Number is 3 or 8 && Used.Contains(name))
                AddNumbers(fields, list, $"the attribute '{name}'");
            else if (fields.Number == 2 && name is "alpha" or "beta" && fields.Float != 1)
                factor = fields.Float;
            else if (fields.Number == 5 && name == "value")
                value = ReadTensor(fields.Bytes, at + fields.Offset);
        }

        if (list.Count > 0)
            numbers[name] = [.. list];
    }

    private static OnnxConstant ReadTensor(ReadOnlySpan<byte> message, int at)
    {
        var tensor = new TensorFields { At = at, Length = message.Length };
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            switch (fields.Number)
            {
                case 1: AddNumbers(fields, tensor.Shape, "a tensor's shape"); break;
                case 2: tensor.Type = OnnxTypes.NameOf(fields.Varint); break;
                case 8: tensor.Name = fields.Text; break;
                case 9: tensor.Raw = new(null, at + fields.Offset, fields.Bytes.Length); break;
                case 13: AddEntry(fields.Bytes, tensor.External); break;
                case 14: tensor.IsExternal = fields.Varint == 1; break;
                case 3: throw new FormatException($"its tensor '{tensor.Name}' comes in segments, which are not read");
                case 4 or 5 or 7 or 10 or 11: tensor.Add(fields); break;
            }
        }

        return tensor.Constant();
    }

    private static void AddEntry(ReadOnlySpan<byte> message, Dictionary<string, string> entries)
    {
        var (key, value) = ("", "");
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
        {
            if (fields.Number == 1)
                key = fields.Text;
            else if (fields.Number == 2)
                value = fields.Text;
        }

        entries[key] = value;
    }

    private static void AddNumbers(ProtobufFields fields, List<long> numbers, string what)
    {
        if (!fields.HasBytes)
        {
            Add(fields.Varint);
            return;
        }

        for (var packed = fields.Bytes; !packed.IsEmpty;)
            Add(ProtobufFields.ReadVarint(ref packed));

        void Add(ulong number)
        {
            if (numbers.Count == MostDimensions)
                throw new FormatException($"{what} has more than {MostDimensions} numbers");
            numbers.Add((long)number);
        }
    }
}
