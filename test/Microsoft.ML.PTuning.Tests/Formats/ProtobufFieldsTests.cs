using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Tests.Formats;

[TestClass]
public sealed class ProtobufFieldsTests
{
    [TestMethod]
    public void Fields_come_in_the_order_of_the_message()
    {
        var message = new ProtobufWriter().Varint(1, -1).Text(2, "ä").Float(3, 0.5f).Packed(536870911, [1, 300, long.MaxValue]).ToArray();
        var fields = new ProtobufFields(message);

        Assert.IsTrue(fields.MoveNext());
        Assert.AreEqual((1, ulong.MaxValue), (fields.Number, fields.Varint));
        Assert.IsTrue(fields.MoveNext());
        Assert.AreEqual((2, "ä"), (fields.Number, fields.Text));
        Assert.IsTrue(fields.MoveNext());
        Assert.AreEqual((3, 0.5f, false), (fields.Number, fields.Float, fields.HasBytes));
        Assert.IsTrue(fields.MoveNext());
        Assert.AreEqual((536870911, true), (fields.Number, fields.HasBytes));
        var packed = fields.Bytes;
        Assert.AreEqual(1UL, ProtobufFields.ReadVarint(ref packed));
        Assert.AreEqual(300UL, ProtobufFields.ReadVarint(ref packed));
        Assert.AreEqual((ulong)long.MaxValue, ProtobufFields.ReadVarint(ref packed));
        Assert.IsTrue(packed.IsEmpty);
        Assert.IsFalse(fields.MoveNext());
    }

    [TestMethod]
    public void The_offset_of_bytes_counts_from_the_beginning_of_the_message()
    {
        byte[] content = [7, 8, 9];
        var message = new ProtobufWriter().Varint(1, 1).Bytes(2, content).Bytes(3, content).ToArray();
        for (var fields = new ProtobufFields(message); fields.MoveNext();)
            if (fields.HasBytes)
                CollectionAssert.AreEqual(content, message[fields.Offset..(fields.Offset + fields.Bytes.Length)]);
    }

    [TestMethod]
    [DataRow(new byte[] { 0x0A, 5, 1, 2 }, "field 1 takes 5 bytes, but only 2 are left")]
    [DataRow(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2 }, "field 1 takes 18446744073709551615 bytes")]
    [DataRow(new byte[] { 0x08, 0xFF }, "a number has no end")]
    [DataRow(new byte[] { 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 }, "a number has no end")]
    [DataRow(new byte[] { 0x0B }, "field 1 is of the wire type 3, which is none")]
    [DataRow(new byte[] { 0x00 }, "a field has the number 0")]
    public void Bytes_that_are_no_message_are_refused(byte[] message, string reason)
    {
        var refusal = Assert.ThrowsExactly<FormatException>(() =>
        {
            var fields = new ProtobufFields(message);
            while (fields.MoveNext())
            {
            }
        });

        StringAssert.Contains(refusal.Message, reason);
    }

    [TestMethod]
    public void A_field_of_another_type_than_the_one_asked_for_is_refused()
    {
        var message = new ProtobufWriter().Varint(4, 1).ToArray();

        var refusal = Assert.ThrowsExactly<FormatException>(() =>
        {
            var fields = new ProtobufFields(message);
            fields.MoveNext();
            return fields.Bytes.Length;
        });

        Assert.AreEqual("field 4 is of the wire type Varint, not Bytes", refusal.Message);
    }
}
