using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Persistence;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tasks;

[TestClass]
public sealed class LabelValuesTests
{
    [TestMethod]
    public void Text_survives() => Survives("Billing", "", "größer „quoted\" \\ <b>", "日本");

    [TestMethod]
    public void Booleans_survive() => Survives(true, false);

    [TestMethod]
    public void Singles_survive() => Survives(1.5f, 0.1f, -float.MaxValue, float.Epsilon, float.PositiveInfinity);

    [TestMethod]
    public void Doubles_survive() => Survives(1.5, 0.1, double.MinValue, double.Epsilon, 1 / 3.0);

    [TestMethod]
    public void Signed_bytes_survive() => Survives(sbyte.MinValue, (sbyte)0, sbyte.MaxValue);

    [TestMethod]
    public void Bytes_survive() => Survives((byte)7, byte.MinValue, byte.MaxValue);

    [TestMethod]
    public void Short_integers_survive() => Survives(short.MinValue, (short)0, short.MaxValue);

    [TestMethod]
    public void Unsigned_short_integers_survive() => Survives((ushort)7, ushort.MaxValue);

    [TestMethod]
    public void Integers_survive() => Survives(int.MinValue, 0, int.MaxValue);

    [TestMethod]
    public void Unsigned_integers_survive() => Survives(7u, uint.MaxValue);

    [TestMethod]
    public void Long_integers_survive() => Survives(long.MinValue, 0L, long.MaxValue);

    [TestMethod]
    public void Unsigned_long_integers_survive() => Survives(7ul, ulong.MaxValue);

    [TestMethod]
    public void Keys_without_values_survive_as_their_count()
    {
        var saved = SaveAndRead(LabelValues.Read(Column(new KeyDataViewType(typeof(uint), 3), annotations: null)));

        Assert.AreEqual(3, saved.Count);
        Assert.IsNull(saved.Type);
        Assert.IsNull(saved.Values);
    }

    [TestMethod]
    public void Slot_names_are_text_whatever_the_type()
    {
        var builder = new DataViewSchema.Annotations.Builder();
        Read([1.5f, 2]).AddSlotNames(builder);

        VBuffer<ReadOnlyMemory<char>> names = default;
        builder.ToAnnotations().GetValue("SlotNames", ref names);

        CollectionAssert.AreEqual(new[] { "1.5", "2" }, names.DenseValues().Select(name => name.ToString()).ToArray());
    }

    [TestMethod]
    public void Values_of_another_type_are_refused()
    {
        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Read([new DateTime(2020, 1, 1), new DateTime(2021, 1, 1)]));

        StringAssert.Contains(refusal.Message, "The values of label column 'Label' are of type DateTime; expected one of Text, Boolean, Single");
        StringAssert.Contains(refusal.Message, "Map the label to text first.");
    }

    [TestMethod]
    public void Saved_type_that_is_not_known_is_refused()
    {
        var refusal = Assert.ThrowsExactly<JsonException>(() => new LabelValues(1, "Decimal", ["1"]));

        StringAssert.Contains(refusal.Message, "Label values of type 'Decimal' are not known; known are Text, Boolean");
    }

    [TestMethod]
    public void Saved_values_of_another_count_are_refused()
    {
        var refusal = Assert.ThrowsExactly<JsonException>(() => new LabelValues(3, "Text", ["a", "b"]));

        StringAssert.Contains(refusal.Message, "2 label values for 3 classes");
    }

    [TestMethod]
    public void Same_are_those_of_the_same_values_in_the_same_order()
    {
        Assert.IsTrue(Read(["a", "b"]).IsSameAs(Read(["a", "b"])));
        Assert.IsFalse(Read(["a", "b"]).IsSameAs(Read(["b", "a"])));
        Assert.IsFalse(Read(["1", "2"]).IsSameAs(Read([1, 2])));
    }

    /// <summary>From a key's annotation into the file, out of it, and into an annotation again.</summary>
    private static void Survives<T>(params T[] values)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        SaveAndRead(Read(values)).AddTo(builder, "KeyValues");
        var annotations = builder.ToAnnotations();

        Assert.AreEqual(KeyValueType<T>(), ((VectorDataViewType)annotations.Schema["KeyValues"].Type).ItemType);
        if (values is string[] texts)
            CollectionAssert.AreEqual(texts, Values<ReadOnlyMemory<char>>(annotations).Select(text => text.ToString()).ToArray());
        else
            CollectionAssert.AreEqual(values, Values<T>(annotations));
    }

    private static LabelValues Read<T>(T[] values)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        var type = new VectorDataViewType(KeyValueType<T>(), values.Length);
        if (values is string[] texts)
            builder.Add("KeyValues", type, Getter([.. texts.Select(text => text.AsMemory())]));
        else
            builder.Add("KeyValues", type, Getter(values));
        return LabelValues.Read(Column(new KeyDataViewType(typeof(uint), values.Length), builder.ToAnnotations()));
    }

    private static ValueGetter<VBuffer<T>> Getter<T>(T[] values) => (ref VBuffer<T> value) => new VBuffer<T>(values.Length, values).CopyTo(ref value);

    private static DataViewSchema.Column Column(DataViewType type, DataViewSchema.Annotations? annotations)
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("Label", type, annotations);
        return builder.ToSchema()["Label"];
    }

    private static T[] Values<T>(DataViewSchema.Annotations annotations)
    {
        VBuffer<T> values = default;
        annotations.GetValue("KeyValues", ref values);
        return [.. values.DenseValues()];
    }

    private static PrimitiveDataViewType KeyValueType<T>() => default(T) switch
    {
        bool => BooleanDataViewType.Instance,
        float => NumberDataViewType.Single,
        double => NumberDataViewType.Double,
        sbyte => NumberDataViewType.SByte,
        byte => NumberDataViewType.Byte,
        short => NumberDataViewType.Int16,
        ushort => NumberDataViewType.UInt16,
        int => NumberDataViewType.Int32,
        uint => NumberDataViewType.UInt32,
        long => NumberDataViewType.Int64,
        ulong => NumberDataViewType.UInt64,
        DateTime => DateTimeDataViewType.Instance,
        _ => TextDataViewType.Instance,
    };

    private static LabelValues SaveAndRead(LabelValues labels) =>
        PromptDocument.Read(Any.Document(Any.Classification(labels)).ToBytes(), "Prompt.json").Task.Classes!;
}
