using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Attention over a prefix and a text, without gradients, on processors with AVX-512: over encoders in BF16, and in F32 where MKL is slow.</summary>
/// <remarks>
/// libtorch needs copies of keys and values behind the prefix, one of the prefix per row, in F32 whatever the encoder's type, and computes each head in
/// products too small for its library. Here the keys and values of a head are read where they are, prefix first, into a workspace. Products, softmax
/// and sums are F32.
/// </remarks>
internal static unsafe class Avx512Attention
{
    private const int Lanes = 16, Columns = 2 * Lanes, BlockRows = 4;

    /// <param name="x">Queries, keys or values, <c>[B, h, T, D]</c>.</param>
    public static bool Suits(Tensor x) =>
        Avx512F.IsSupported && (x.dtype == ScalarType.BFloat16 || (x.dtype == ScalarType.Float32 && LinearProduct.IsMklSlow))
        && x.device_type == DeviceType.CPU && x.size(3) % Columns == 0 && x.stride(3) == 1 && !is_grad_enabled();

    /// <summary>See <see cref="PrefixedAttention.Attend"/>.</summary>
    /// <exception cref="ArgumentException">The shapes do not go together.</exception>
    public static Tensor Attend(Tensor q, Tensor k, Tensor v, LayerPrefix? prefix, Tensor? mask)
    {
        var (rows, heads, queries, size) = (q.size(0), q.size(1), (int)q.size(2), (int)q.size(3));
        var (ofPrefix, ofText) = (prefix?.Length ?? 0, (int)k.size(2));
        var keys = ofPrefix + ofText;
        Require(k, rows, heads, ofText, size);
        Require(v, rows, heads, ofText, size);
        var context = empty([rows, queries, heads, size], q.dtype, q.device);
        using var scope = NewDisposeScope();
        Vectors query = new(q), key = new(k), value = new(v), result = new(context.transpose(1, 2));
        Vectors prefixKey = default, prefixValue = default, added = default;
        if (prefix is not null)
        {
            prefixKey = new(Require(Readable(LayerPrefix.ByRow(prefix.Keys, rows)), rows, heads, ofPrefix, size));
            prefixValue = new(Require(Readable(LayerPrefix.ByRow(prefix.Values, rows)), rows, heads, ofPrefix, size));
            mask = prefix.AddGate(mask?.ToTrainedType(), keys, ScalarType.Float32);
        }

        mask = mask is null ? null : Readable(mask.ToTrainedType().expand(rows, heads, queries, keys));
        if (mask is not null)
            added = new(mask);

        var (rounded, width) = (RoundUp(queries, BlockRows), RoundUp(keys, Columns));
        var workspace = ArrayPool<float>.Shared.Rent(checked(2 * rounded * size + 2 * keys * size + size * width + BlockRows * width));
        fixed (float* queryRows = workspace)
        {
            var contextRows = queryRows + rounded * size;                // [Q, D], as the queries
            var keyRows = contextRows + rounded * size;                  // [P + T, D]
            var valueRows = keyRows + keys * size;                       // [P + T, D]
            var keyColumns = valueRows + keys * size;                    // [D, width]
            var scores = keyColumns + size * width;                      // [BlockRows, width]
            new Span<float>(queryRows, rounded * size).Clear();
            new Span<float>(keyColumns, size * width).Clear();
            for (long row = 0; row < rows; row++)
                for (long head = 0; head < heads; head++)
                {
                    query.Read(row, head, queries, size, queryRows);
                    prefixKey.Read(row, head, ofPrefix, size, keyRows);
                    key.Read(row, head, ofText, size, keyRows + ofPrefix * size);
                    prefixValue.Read(row, head, ofPrefix, size, valueRows);
                    value.Read(row, head, ofText, size, valueRows + ofPrefix * size);
                    var scaled = new Span<float>(queryRows, queries * size);
                    TensorPrimitives.Multiply(scaled, 1 / MathF.Sqrt(size), scaled);
                    Transpose(keyRows, keys, size, keyColumns, width);

                    for (var first = 0; first < queries; first += BlockRows)
                    {
                        Multiply(queryRows + first * size, size, size, keyColumns, width, scores);
                        for (var i = 0; i < Math.Min(BlockRows, queries - first); i++)
                            Softmax(new Span<float>(scores + i * width, keys), added.IsEmpty ? null : added.At<float>(row, head, first + i));
                        Multiply(scores, width, keys, valueRows, size, contextRows + first * size);
                    }
                    result.Write(row, head, queries, size, contextRows);
                }
        }
        ArrayPool<float>.Shared.Return(workspace);

        // An address keeps no tensor alive.
        foreach (var tensor in (Tensor?[])[q, k, v, mask, context, prefix?.Keys, prefix?.Values])
            GC.KeepAlive(tensor);
        return context.transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Addresses are computed of these sizes.</summary>
    private static Tensor Require(Tensor x, params long[] shape) => x.shape.AsSpan().SequenceEqual(shape)
        ? x
        : throw new ArgumentException($"Expected vectors [{string.Join(", ", shape)}], found [{string.Join(", ", x.shape)}].");

    /// <summary>In BF16 or F32, with a contiguous last dimension.</summary>
    private static Tensor Readable(Tensor x)
    {
        x = x.dtype == ScalarType.BFloat16 ? x : x.to(ScalarType.Float32);
        return x.stride(-1) == 1 ? x : x.contiguous();
    }

    private static int RoundUp(int number, int multiple) => (number + multiple - 1) / multiple * multiple;

    /// <summary>C = A B, of <see cref="BlockRows"/> rows.</summary>
    /// <param name="a"><c>[BlockRows, aWidth]</c>, of which the first <paramref name="depth"/> columns count.</param>
    /// <param name="b"><c>[depth, width]</c>; the width is a multiple of <see cref="Columns"/>.</param>
    /// <param name="c"><c>[BlockRows, width]</c>.</param>
    private static void Multiply(float* a, int aWidth, int depth, float* b, int width, float* c)
    {
        for (var column = 0; column < width; column += Columns)
            MultiplyColumns(a, aWidth, b + column, width, c + column, depth);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyColumns(float* a, nint aWidth, float* b, nint width, float* c, int depth)
    {
        float* a1 = a + aWidth, a2 = a1 + aWidth, a3 = a2 + aWidth;
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
        for (var i = 0; i < depth; i++, b += width)
        {
            var (left, right) = (Vector512.Load(b), Vector512.Load(b + Lanes));
            var x = Vector512.Create(a[i]);
            (c00, c01) = (Avx512F.FusedMultiplyAdd(x, left, c00), Avx512F.FusedMultiplyAdd(x, right, c01));
            x = Vector512.Create(a1[i]);
            (c10, c11) = (Avx512F.FusedMultiplyAdd(x, left, c10), Avx512F.FusedMultiplyAdd(x, right, c11));
            x = Vector512.Create(a2[i]);
            (c20, c21) = (Avx512F.FusedMultiplyAdd(x, left, c20), Avx512F.FusedMultiplyAdd(x, right, c21));
            x = Vector512.Create(a3[i]);
            (c30, c31) = (Avx512F.FusedMultiplyAdd(x, left, c30), Avx512F.FusedMultiplyAdd(x, right, c31));
        }

        Store(c, c00, c01);
        Store(c + width, c10, c11);
        Store(c + 2 * width, c20, c21);
        Store(c + 3 * width, c30, c31);

        static void Store(float* to, Vector512<float> left, Vector512<float> right)
        {
            left.Store(to);
            right.Store(to + Lanes);
        }
    }

    /// <param name="rows"><c>[count, size]</c>.</param>
    /// <param name="columns"><c>[size, width]</c>, of which the first columns are written.</param>
    private static void Transpose(float* rows, int count, int size, float* columns, int width)
    {
        var whole = count / 4 * 4;
        for (var row = 0; row < whole; row += 4)
            for (var at = 0; at < size; at += Lanes)
                TransposeFour(rows + row * size + at, size, columns + at * width + row, width);
        for (var row = whole; row < count; row++)
            for (var at = 0; at < size; at++)
                columns[at * width + row] = rows[row * size + at];
    }

    /// <summary>Four rows of 16 numbers become four columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransposeFour(float* rows, int size, float* columns, int width)
    {
        var (a, b) = (Vector512.Load(rows), Vector512.Load(rows + size));
        var (c, d) = (Vector512.Load(rows + 2 * size), Vector512.Load(rows + 3 * size));
        var (lowAb, highAb) = (Avx512F.UnpackLow(a, b).AsDouble(), Avx512F.UnpackHigh(a, b).AsDouble());
        var (lowCd, highCd) = (Avx512F.UnpackLow(c, d).AsDouble(), Avx512F.UnpackHigh(c, d).AsDouble());
        Store(Avx512F.UnpackLow(lowAb, lowCd).AsSingle(), columns, 4 * width);             // Places 0, 4, 8 and 12 of the four rows.
        Store(Avx512F.UnpackHigh(lowAb, lowCd).AsSingle(), columns + width, 4 * width);
        Store(Avx512F.UnpackLow(highAb, highCd).AsSingle(), columns + 2 * width, 4 * width);
        Store(Avx512F.UnpackHigh(highAb, highCd).AsSingle(), columns + 3 * width, 4 * width);

        static void Store(Vector512<float> x, float* to, int step)
        {
            x.GetLower().GetLower().Store(to);
            x.GetLower().GetUpper().Store(to + step);
            x.GetUpper().GetLower().Store(to + 2 * step);
            x.GetUpper().GetUpper().Store(to + 3 * step);
        }
    }

    /// <param name="added">As many numbers as there are scores; null for none.</param>
    private static void Softmax(Span<float> scores, float* added)
    {
        if (added is not null)
            TensorPrimitives.Add(scores, new ReadOnlySpan<float>(added, scores.Length), scores);
        TensorPrimitives.Subtract(scores, TensorPrimitives.Max<float>(scores), scores);
        TensorPrimitives.Exp(scores, scores);
        TensorPrimitives.Multiply(scores, 1 / TensorPrimitives.Sum<float>(scores), scores);
    }

    /// <summary>The vectors of a tensor <c>[B, h, n, D]</c> whose last dimension is contiguous, BF16 or F32, where they are.</summary>
    private readonly struct Vectors(Tensor tensor)
    {
        private readonly nint _first = AddressOf(tensor);
        private readonly long _row = tensor.stride(0), _head = tensor.stride(1), _place = tensor.stride(2);
        private readonly bool _isBFloat16 = tensor.dtype == ScalarType.BFloat16;

        public bool IsEmpty => _first == 0;

        public T* At<T>(long row, long head, long place)
            where T : unmanaged => (T*)_first + row * _row + head * _head + place * _place;

        /// <summary>Copies the vectors of a head into F32, <c>[count, size]</c>.</summary>
        public void Read(long row, long head, int count, int size, float* to)
        {
            for (var i = 0; i < count; i++, to += size)
                if (_isBFloat16)
                    Widen(At<ushort>(row, head, i), size, to);
                else
                    new ReadOnlySpan<float>(At<float>(row, head, i), size).CopyTo(new Span<float>(to, size));
        }

        /// <summary>Copies the vectors of a head, rounded where the tensor is BF16.</summary>
        public void Write(long row, long head, int count, int size, float* from)
        {
            for (var i = 0; i < count; i++, from += size)
                if (_isBFloat16)
                    Round(from, size, At<ushort>(row, head, i));
                else
                    new ReadOnlySpan<float>(from, size).CopyTo(new Span<float>(At<float>(row, head, i), size));
        }

        private static nint AddressOf(Tensor x)
        {
            if (x.numel() == 0)
                return 0;
            using var first = x.as_strided([1], [1], x.storage_offset());
            return (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
        }

        private static void Widen(ushort* from, int size, float* to)
        {
            for (var i = 0; i < size; i += Lanes)
                (Avx512F.ConvertToVector512UInt32(Vector256.Load(from + i)) << 16).AsSingle().Store(to + i);
        }

        /// <summary>To the nearest number of BF16, ties to even.</summary>
        private static void Round(float* from, int size, ushort* to)
        {
            for (var i = 0; i < size; i += Lanes)
            {
                var bits = Vector512.Load(from + i).AsUInt32();
                var increment = Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512.Create(1u));
                Avx512F.ConvertToVector256UInt16((bits + increment) >> 16).Store(to + i);
            }
        }
    }
}
