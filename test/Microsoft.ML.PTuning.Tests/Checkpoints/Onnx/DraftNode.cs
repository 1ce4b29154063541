using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tests.Formats;

namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>A node of an ONNX file that a test writes.</summary>
internal sealed class DraftNode(string @operator, string[] inputs, string[] outputs, string name = "", string domain = "")
{
    public string Name { get; set; } = name;

    public string Operator { get; set; } = @operator;

    public string Domain { get; } = domain;

    public List<string> Inputs { get; } = [.. inputs];

    public List<string> Outputs { get; } = [.. outputs];

    /// <summary>Whole AttributeProto messages.</summary>
    public List<byte[]> Attributes { get; } = [];

    /// <summary>What a Constant node gives; null where it is no tensor.</summary>
    public DraftTensor? Value
    {
        get
        {
            for (var fields = new ProtobufFields(Attributes[0]); fields.MoveNext();)
                if (fields.Number == 5)
                    return OnnxDraft.ReadTensor(fields.Bytes);
            return null;
        }
    }

    /// <summary>The type that a Cast node gives.</summary>
    public OnnxType CastType
    {
        get
        {
            for (var fields = new ProtobufFields(Attributes[0]); fields.MoveNext();)
                if (fields.Number == 3)
                    return (OnnxType)fields.Varint;
            return default;
        }
    }

    public DraftNode With(string attribute, long value)
    {
        Attributes.Add(new ProtobufWriter().Text(1, attribute).Varint(3, value).Varint(20, 2).ToArray());
        return this;
    }

    public DraftNode With(string attribute, float value)
    {
        Attributes.Add(new ProtobufWriter().Text(1, attribute).Float(2, value).Varint(20, 1).ToArray());
        return this;
    }

    public DraftNode With(string attribute, params long[] values)
    {
        var message = new ProtobufWriter().Text(1, attribute);
        foreach (var value in values)
            message.Varint(8, value);
        Attributes.Add(message.Varint(20, 7).ToArray());
        return this;
    }

    public DraftNode With(string attribute, DraftTensor value)
    {
        Attributes.Add(new ProtobufWriter().Text(1, attribute).Message(5, value.Write).Varint(20, 4).ToArray());
        return this;
    }

    public void Write(ProtobufWriter message)
    {
        foreach (var input in Inputs)
            message.Text(1, input);
        foreach (var output in Outputs)
            message.Text(2, output);
        message.Text(3, Name).Text(4, Operator).Text(7, Domain);
        foreach (var attribute in Attributes)
            message.Bytes(5, attribute);
    }
}
