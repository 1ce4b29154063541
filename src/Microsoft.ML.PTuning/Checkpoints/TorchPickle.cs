using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Reads the pickle of a torch checkpoint as plain data: dictionaries of tensors. Nothing in it is run.</summary>
/// <remarks>
/// A pickle is a program for a machine with a stack and a memo (Python's <c>pickletools</c> describes each opcode). This machine knows the
/// opcodes that <c>torch.save</c> writes, protocol 2, and the names in <see cref="TorchGlobal"/>; anything else is refused. Its values: null,
/// bool, long, double, string, a tuple as <c>object[]</c>, list, dictionary, <see cref="TorchStorage"/>, <see cref="TorchTensor"/> and the names.
/// It never recurses, and makes at most <see cref="MostValues"/> values. What training leaves beside a model is read as <see cref="UnreadObject"/>s.
/// </remarks>
internal sealed class TorchPickle
{
    /// <summary>The longest pickle that is read; checkpoints of a thousand tensors have about 100 KiB.</summary>
    public const int MostBytes = 16 << 20;

    private const int MostValues = 4_000_000;
    private const int LongestName = 256;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _program;
    private readonly bool _isOfTraining;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private int _at;
    private int _values;

    private TorchPickle(byte[] program, bool isOfTraining = false) => (_program, _isOfTraining) = (program, isOfTraining);

    /// <returns>The tensors by name.</returns>
    /// <exception cref="FormatException">The pickle is no dictionary of tensors; the message is the reason only.</exception>
    public static Dictionary<string, TorchTensor> Read(byte[] program)
    {
        var root = new TorchPickle(program).Run();
        if (root is not Dictionary<string, object?> items)
            throw new FormatException($"it holds {Describe(root)}, expected a dictionary of tensors");

        // Some published state dictionaries hold their configuration beside the tensors; a training checkpoint holds other dictionaries of them.
        var tensors = items.Where(item => item.Value is TorchTensor).ToDictionary(item => item.Key, item => (TorchTensor)item.Value!);
        return tensors.Count > 0 && items.FirstOrDefault(item => HoldsTensors(item.Value)) is { Key: null }
            ? tensors
            : throw new FormatException(
                $"it holds {string.Join(", ", items.Take(5).Select(item => $"'{item.Key}', {Describe(item.Value)}"))}, "
                + "expected tensors: save model.state_dict() alone");
    }

    /// <summary>Reads the state of a training: a dictionary, of which one entry is the model's.</summary>
    /// <param name="part">The name of that entry.</param>
    /// <returns>The model's tensors by name.</returns>
    /// <exception cref="FormatException">There is no such dictionary of tensors; the message is the reason only.</exception>
    public static Dictionary<string, TorchTensor> ReadPart(byte[] program, string part)
    {
        var root = new TorchPickle(program, isOfTraining: true).Run();
        if (root is not Dictionary<string, object?> items || !HoldsTensors(items.GetValueOrDefault(part)))
        {
            var found = root is Dictionary<string, object?> { Count: > 0 } others
                ? string.Join(", ", others.Take(5).Select(item => $"'{item.Key}', {Describe(item.Value)}"))
                : Describe(root);
            throw new FormatException($"it holds {found}, expected '{part}', a dictionary of tensors");
        }
        return ((Dictionary<string, object?>)items[part]!).Where(item => item.Value is TorchTensor)
            .ToDictionary(item => item.Key, item => (TorchTensor)item.Value!);
    }

    private static bool HoldsTensors(object? value) =>
        value is Dictionary<string, object?> items && items.Values.Any(item => item is TorchTensor);

    private object? Run()
    {
        for (var first = true; ; first = false)
        {
            var start = _at;
            var opcode = Bytes(1)[0];
            if (first && opcode != 0x80)
                throw new FormatException($"it begins with opcode {Name(opcode)}, expected PROTO");
            if (opcode == '.')
            {
                return _stack.Count == 1 && _marks.Count == 0
                    ? _stack[0]
                    : throw new FormatException($"it stops with {_stack.Count} values and {_marks.Count} marks, expected one value");
            }

            if (!(TryPush(opcode) || TryMemo(opcode) || TryBuild(opcode)))
                throw new FormatException($"it holds the opcode {Name(opcode)} at byte {start}, which no tensors need");
        }
    }

    /// <summary>Opcodes that put a value on the stack.</summary>
    private bool TryPush(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: // PROTO
                if (Bytes(1)[0] is var protocol && protocol != 2)
                    throw new FormatException($"it is of pickle protocol {protocol}, expected 2, which torch.save writes");
                return true;
            case (byte)'(': // MARK
                Count();
                _marks.Push(_stack.Count);
                return true;
            case (byte)'N': return Push(null); // NONE
            case 0x88: return Push(true); // NEWTRUE
            case 0x89: return Push(false); // NEWFALSE
            case (byte)'K': return Push((long)Bytes(1)[0]); // BININT1
            case (byte)'M': return Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); // BININT2
            case (byte)'J': return Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); // BININT
            case 0x8a: return Push(Long(Bytes(Bytes(1)[0]))); // LONG1
            case (byte)'G': return Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); // BINFLOAT
            case (byte)'X': return Push(Text(Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))))); // BINUNICODE
            case (byte)'U': return Push(Text(Bytes(Bytes(1)[0]))); // SHORT_BINSTRING
            case (byte)')': return Push(Array.Empty<object?>()); // EMPTY_TUPLE
            case (byte)']': return Push(new List<object?>()); // EMPTY_LIST
            case (byte)'}': return Push(new Dictionary<string, object?>()); // EMPTY_DICT
            case (byte)'c': return Push(Global(Line(), Line())); // GLOBAL
            default: return false;
        }
    }

    /// <summary>Opcodes that remember the top of the stack, or bring back what was remembered.</summary>
    private bool TryMemo(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'q': // BINPUT
                _memo[Bytes(1)[0]] = Top();
                return true;
            case (byte)'r': // LONG_BINPUT
                _memo[BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))] = Top();
                return true;
            case (byte)'h': return Push(Remembered(Bytes(1)[0])); // BINGET
            case (byte)'j': return Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); // LONG_BINGET
            default: return false;
        }
    }

    /// <summary>Opcodes that make one value of several on the stack.</summary>
    private bool TryBuild(byte opcode)
    {
        switch (opcode)
        {
            case 0x85: return Push(PopLast(1)); // TUPLE1
            case 0x86: return Push(PopLast(2)); // TUPLE2
            case 0x87: return Push(PopLast(3)); // TUPLE3
            case (byte)'t': return Push(PopToMark()); // TUPLE
            case (byte)'a': return Append(PopLast(1)); // APPEND
            case (byte)'e': return Append(PopToMark()); // APPENDS
            case (byte)'s': return SetItems(PopLast(2)); // SETITEM
            case (byte)'u': return SetItems(PopToMark()); // SETITEMS
            case (byte)'Q': return Push(Storage(Pop())); // BINPERSID
            case (byte)'R': return Push(Call(PopLast(2))); // REDUCE
            case 0x81 when _isOfTraining: return Push(Call(PopLast(2))); // NEWOBJ
            case (byte)'b': return Build(Pop()); // BUILD
            default: return false;
        }
    }

    private bool Append(object?[] items)
    {
        if (Top() is UnreadObject)
            return true;
        if (Top() is not List<object?> list)
            throw new FormatException($"it appends to {Describe(Top())}");
        list.AddRange(items);
        return true;
    }

    private bool SetItems(object?[] items)
    {
        if (Top() is UnreadObject)
            return true;
        if (Top() is not Dictionary<string, object?> dictionary)
            throw new FormatException($"it sets items of {Describe(Top())}");
        if (items.Length % 2 != 0)
            throw new FormatException("it sets an item without a value");

        for (var i = 0; i < items.Length; i += 2)
        {
            var name = items[i] is long number && _isOfTraining ? number.ToString(CultureInfo.InvariantCulture) : items[i]; // An optimiser's parameters.
            if (name is not string key)
                throw new FormatException($"it has {Describe(items[i])} as key of a dictionary, expected a name");
            if (!dictionary.TryAdd(key, items[i + 1]))
                throw new FormatException($"it holds '{key}' twice");
        }

        return true;
    }

    /// <summary>The attributes of a state dictionary (<c>_metadata</c>: versions of modules) do not concern its tensors and are dropped.</summary>
    private bool Build(object? state) =>
        (state is Dictionary<string, object?> && Top() is Dictionary<string, object?>) || Top() is UnreadObject
            ? true
            : throw new FormatException($"it gives {Describe(Top())} the attributes {Describe(state)}");

    private static object Call(object?[] pair) =>
        pair is [TorchGlobal { Call: { } call }, object?[] arguments]
            ? call(arguments)
            : throw new FormatException($"it calls {Describe(pair[0])} with {Describe(pair[1])}");

    // ('storage', class, key, location, number of elements): torch/serialization.py, persistent_id.
    private static TorchStorage Storage(object? id)
    {
        if (id is not object?[] parts || parts is not ["storage", TorchGlobal { StorageType: { } type }, string key, string, long count and >= 0])
            throw new FormatException("it refers to a storage by other words than 'storage', class, key, location and size");
        return key.Length > 0 && key.All(char.IsAsciiDigit)
            ? new(type, key, count)
            : throw new FormatException($"it refers to a storage '{key}', expected a number");
    }

    private TorchGlobal Global(string module, string name) =>
        TorchGlobal.Find(module, name) ?? (_isOfTraining ? TorchGlobal.FindUnread(module, name) : null)
        ?? throw new FormatException($"it asks for '{module} {name}', which is no part of a tensor");

    private bool Push(object? value)
    {
        Count();
        _stack.Add(value);
        return true;
    }

    private void Count()
    {
        if (++_values > MostValues)
            throw new FormatException($"it makes more than {MostValues} values, more than any checkpoint");
    }

    private object? Top() =>
        _stack.Count > Floor ? _stack[^1] : throw new FormatException($"it takes a value from an empty stack before byte {_at}");

    private object? Pop() => PopLast(1)[0];

    private object?[] PopLast(int count)
    {
        if (_stack.Count - Floor < count)
            throw new FormatException($"it takes a value from an empty stack before byte {_at}");
        return PopFrom(_stack.Count - count);
    }

    private object?[] PopToMark() =>
        _marks.TryPop(out var mark) ? PopFrom(mark) : throw new FormatException($"it looks for a mark before byte {_at} where there is none");

    private object?[] PopFrom(int start)
    {
        var values = _stack.GetRange(start, _stack.Count - start).ToArray();
        _stack.RemoveRange(start, values.Length);
        return values;
    }

    /// <summary>What lies below the last mark is not touched.</summary>
    private int Floor => _marks.TryPeek(out var mark) ? mark : 0;

    private object? Remembered(long key) =>
        _memo.TryGetValue(key, out var value) ? value : throw new FormatException($"it recalls value {key}, which it did not remember");

    private ReadOnlySpan<byte> Bytes(long count)
    {
        if (count > _program.Length - _at)
            throw new FormatException($"it ends in the middle, after byte {_program.Length}");
        var bytes = _program.AsSpan(_at, (int)count);
        _at += bytes.Length;
        return bytes;
    }

    private string Line()
    {
        var rest = _program.AsSpan(_at);
        var length = rest[..Math.Min(rest.Length, LongestName)].IndexOf((byte)'\n');
        if (length < 0)
            throw new FormatException($"it ends in the middle of a name, or has one longer than {LongestName} bytes, at byte {_at}");
        _at += length + 1;
        return Text(rest[..length]);
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (ArgumentException e) // its kin DecoderFallbackException
        {
            throw new FormatException("it has a text that is not UTF-8", e);
        }
    }

    // Two's complement, little endian, as many bytes as it needs.
    private static long Long(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > sizeof(long))
            throw new FormatException($"it has a whole number of {bytes.Length} bytes, more than {sizeof(long)}");
        var number = bytes.Length > 0 && (bytes[^1] & 0x80) != 0 ? -1L : 0L;
        for (var i = bytes.Length - 1; i >= 0; i--)
            number = number << 8 | bytes[i];
        return number;
    }

    private static string Name(byte opcode) => opcode is > 0x20 and < 0x7f ? $"'{(char)opcode}' (0x{opcode:x2})" : $"0x{opcode:x2}";

    private static string Describe(object? value) => value switch
    {
        null => "None",
        bool => "a truth value",
        long or double => "a number",
        string => "a text",
        object?[] => "a tuple",
        List<object?> => "a list",
        Dictionary<string, object?> => "a dictionary",
        TorchTensor => "a tensor",
        UnreadObject unread => unread.Name,
        TorchGlobal global => $"{global.Module}.{global.Name}",
        _ => "a storage",
    };
}
