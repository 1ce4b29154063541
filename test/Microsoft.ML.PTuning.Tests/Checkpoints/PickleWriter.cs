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
    public static byte[] StateDictionary(IEnumerable<(string Name, StoredTensor Tensor)> tensors) => new PickleWriter().Model(tensors).Stop();

    /// <summary>The state of a training as <c>save_checkpoint</c> of GLM's own code writes it: the model, and what else there is.</summary>
    public static byte[] TrainingState(IEnumerable<(string Name, StoredTensor Tensor)> tensors)
    {
        var moment = new StoredTensor("FloatStorage", "1000000", 1, 0, [1], [1]); // Nobody looks for its numbers.
        return new PickleWriter().Op('}').Remember().Op('(')
            .Text("iteration").Number(200_000)
            .Text("module").Model(tensors)
            .Text("optimizer").Op('}').Remember().Text("state").Op('}').Remember().Number(0).Op('}').Remember().Text("exp_avg").Tensor(moment)
            .Op('s').Op('s').Op('s')
            .Text("random_rng_state").Number(3).Numbers(1, uint.MaxValue, 7, 624).Op('N').Raw(0x87).Remember()
            .Text("np_rng_state").Op('(').Text("MT19937").NumpyArray().Number(624).Number(0).Op('G').Raw(new byte[8]).Op('t').Remember()
            .Text("torch_rng_state").Tensor(moment with { StorageClass = "ByteStorage" })
            .Text("sparse_tensor_module_names").Global("__builtin__", "set").Op(']').Remember().Raw(0x85).Remember().Op('R').Remember()
            .Text("args").Global("argparse", "Namespace").Op(')').Raw(0x81).Remember().Op('}').Remember().Text("lr").Number(1).Op('s').Op('b')
            .Op('u').Stop();
    }

    /// <summary>A state dictionary with the attribute <c>_metadata</c>.</summary>
    private PickleWriter Model(IEnumerable<(string Name, StoredTensor Tensor)> tensors)
    {
        OrderedDict().Op('(');
        foreach (var (name, tensor) in tensors)
            Text(name).Tensor(tensor);
        return Op('u').Op('}').Remember().Text("_metadata").OrderedDict()
            .Text("").Op('}').Remember().Text("version").Number(1).Op('s').Op('s').Op('s').Op('b');
    }

    /// <summary>An array of numpy as its <c>__reduce__</c> gives it.</summary>
    private PickleWriter NumpyArray()
    {
        Global("numpy.core.multiarray", "_reconstruct").Global("numpy", "ndarray").Numbers(0).Bytes("b").Raw(0x87).Remember().Op('R').Remember();
        Op('(').Number(1).Numbers(1).Global("numpy", "dtype").Text("u4").Number(0).Number(1).Raw(0x87).Remember().Op('R').Remember();
        Op('(').Number(3).Text("<").Op('N').Op('N').Op('N').Number(-1).Number(-1).Number(0).Op('t').Remember().Op('b');
        return Raw(0x89).Bytes("\0\0\0\0").Op('t').Remember().Op('b');
    }

    /// <summary>Bytes, which protocol 2 writes as a text and its encoding.</summary>
    private PickleWriter Bytes(string latin) =>
        Global("_codecs", "encode").Text(latin).Text("latin1").Raw(0x86).Remember().Op('R').Remember();

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
