using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

/// <summary>Opcodes of a pickle, protocol 2, in the forms that Python's pickler chooses (<c>pickletools</c> describes them).</summary>
internal sealed class PickleWriter
{
    private readonly MemoryStream _bytes = new();
    private int _memo;

    public PickleWriter(byte protocol = 2) => Raw(0x80, protocol);

    public PickleWriter Raw(params byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    /// <summary>An opcode without arguments, by its letter.</summary>
    public PickleWriter Op(char opcode) => Raw((byte)opcode);

    /// <summary>GLOBAL, remembered.</summary>
    public PickleWriter Global(string module, string name) => Op('c').Raw(Encoding.ASCII.GetBytes($"{module}\n{name}\n")).Remember();

    /// <summary>BINUNICODE, remembered.</summary>
    public PickleWriter Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return Op('X').Raw(BitConverter.GetBytes(bytes.Length)).Raw(bytes).Remember();
    }

    /// <summary>BININT1, BININT2, BININT or LONG1, the shortest that holds it.</summary>
    public PickleWriter Number(long number) => number switch
    {
        >= 0 and <= byte.MaxValue => Op('K').Raw((byte)number),
        >= 0 and <= ushort.MaxValue => Op('M').Raw(BitConverter.GetBytes((ushort)number)),
        >= int.MinValue and <= int.MaxValue => Op('J').Raw(BitConverter.GetBytes((int)number)),
        _ => Raw(0x8a, 8).Raw(BitConverter.GetBytes(number)),
    };

    /// <summary>A tuple of numbers: EMPTY_TUPLE, TUPLE1 to TUPLE3, or MARK and TUPLE; remembered.</summary>
    public PickleWriter Numbers(params long[] numbers)
    {
        if (numbers.Length == 0)
            return Op(')');
        if (numbers.Length > 3)
            Op('(');
        foreach (var number in numbers)
            Number(number);
        return (numbers.Length > 3 ? Op('t') : Raw((byte)(0x84 + numbers.Length))).Remember();
    }

    /// <summary><c>OrderedDict()</c>, without its items.</summary>
    public PickleWriter OrderedDict() => Global("collections", "OrderedDict").Op(')').Op('R').Remember();

    /// <summary>The call that makes a tensor of a storage, as <c>torch.Tensor.__reduce_ex__</c> writes it.</summary>
    public PickleWriter Tensor(StoredTensor tensor)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Op('(').Op('(').Text("storage").Global("torch", tensor.StorageClass)
            .Text(tensor.Key).Text("cpu").Number(tensor.Count).Op('t').Remember().Op('Q');
        return Number(tensor.Offset).Numbers(tensor.Shape).Numbers(tensor.Strides).Raw(0x89).OrderedDict().Op('t').Remember().Op('R').Remember();
    }

    /// <summary>All of a state dictionary with the attribute <c>_metadata</c>, as torch writes a model's.</summary>
    public static byte[] StateDictionary(IEnumerable<(string Name, StoredTensor Tensor)> tensors)
    {
        var pickle = new PickleWriter().OrderedDict().Op('(');
        foreach (var (name, tensor) in tensors)
            pickle.Text(name).Tensor(tensor);
        return pickle.Op('u').Op('}').Remember().Text("_metadata").OrderedDict()
            .Text("").Op('}').Remember().Text("version").Number(1).Op('s').Op('s').Op('s').Op('b').Stop();
    }

    /// <summary>BINPUT or LONG_BINPUT.</summary>
    public PickleWriter Remember()
    {
        var key = _memo++;
        if (key <= byte.MaxValue)
            return Op('q').Raw((byte)key);

        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, key);
        return Op('r').Raw(bytes);
    }

    public byte[] Stop() => Op('.')._bytes.ToArray();
}

/// <summary>A tensor of a torch checkpoint: a view of the storage <c>data/Key</c>.</summary>
/// <param name="StorageClass">The storage's class in Python: FloatStorage.</param>
/// <param name="Count">How many numbers the storage has.</param>
internal sealed record StoredTensor(string StorageClass, string Key, long Count, long Offset, long[] Shape, long[] Strides);
