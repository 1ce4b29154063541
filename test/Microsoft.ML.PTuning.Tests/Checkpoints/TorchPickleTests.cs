using System.Text;
using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

[TestClass]
public sealed class TorchPickleTests
{
    private static readonly StoredTensor Tensor = new("FloatStorage", "0", 12, 0, [3, 4], [4, 1]);

    [TestMethod]
    public void A_state_dictionary_gives_its_tensors_by_name()
    {
        var tensors = TorchPickle.Read(PickleWriter.StateDictionary([("a", Tensor), ("b", Tensor with { Key = "1", Offset = 4, Shape = [2, 4] })]));

        CollectionAssert.AreEqual(new[] { "a", "b" }, tensors.Keys);
        Assert.AreEqual(new TorchStorage("F32", "1", 12), tensors["b"].Storage);
        Assert.AreEqual(4, tensors["b"].Offset);
        CollectionAssert.AreEqual(new long[] { 2, 4 }, tensors["b"].Shape);
    }

    [TestMethod]
    public void A_state_dictionary_of_many_tensors_is_read()
    {
        var pickle = PickleWriter.StateDictionary(Enumerable.Range(0, 1000).Select(i => ($"layer.{i}", Tensor with { Key = $"{i}" })));

        Assert.HasCount(1000, TorchPickle.Read(pickle));
    }

    [TestMethod]
    [DataRow("os", "system")]
    [DataRow("posix", "system")]
    [DataRow("builtins", "eval")]
    [DataRow("torch", "load")]
    [DataRow("torch", "_utils._rebuild_tensor_v2")]
    [DataRow("torch.storage", "_load_from_bytes")]
    [DataRow("numpy.core.multiarray", "_reconstruct")]
    public void A_name_that_is_no_part_of_a_tensor_is_refused(string module, string name)
    {
        var pickle = new PickleWriter().Global(module, name).Text("touch owned").Raw(0x85).Op('R').Stop();

        RefusesBecause(pickle, $"it asks for '{module} {name}', which is no part of a tensor");
    }

    [TestMethod]
    [DataRow((byte)'i', "'i' (0x69)", DisplayName = "INST")]
    [DataRow((byte)'o', "'o' (0x6f)", DisplayName = "OBJ")]
    [DataRow((byte)0x81, "0x81", DisplayName = "NEWOBJ")]
    [DataRow((byte)0x82, "0x82", DisplayName = "EXT1")]
    [DataRow((byte)0x93, "0x93", DisplayName = "STACK_GLOBAL")]
    [DataRow((byte)0xff, "0xff", DisplayName = "none")]
    public void An_opcode_that_no_tensors_need_is_refused(byte opcode, string name) =>
        RefusesBecause(new PickleWriter().Op('}').Raw(opcode).Stop(), $"it holds the opcode {name} at byte 3, which no tensors need");

    [TestMethod]
    public void A_pickle_that_is_cut_short_anywhere_is_refused()
    {
        var whole = PickleWriter.StateDictionary([("a", Tensor)]);

        for (var length = 0; length < whole.Length; length++)
            Assert.ThrowsExactly<FormatException>(() => TorchPickle.Read(whole[..length]), $"{length} bytes");
    }

    [TestMethod]
    public void A_damaged_byte_is_refused_or_changes_no_more_than_names_and_numbers()
    {
        var whole = PickleWriter.StateDictionary([("a", Tensor)]);

        for (var at = 0; at < whole.Length; at++)
        {
            for (var value = 0; value < 256; value++)
            {
                var damaged = whole.ToArray();
                damaged[at] = (byte)value;
                try
                {
                    Assert.IsTrue(TorchPickle.Read(damaged).Values.All(tensor => tensor.Offset + tensor.Extent <= tensor.Storage.Count));
                }
                catch (FormatException)
                {
                    continue;
                }
            }
        }
    }

    [TestMethod]
    [DataRow(13, new long[] { }, new long[] { }, DisplayName = "offset behind the end")]
    [DataRow(12, new long[] { }, new long[] { }, DisplayName = "offset at the end")]
    [DataRow(1, new long[] { 3, 4 }, new long[] { 4, 1 }, DisplayName = "end behind the end")]
    [DataRow(0, new long[] { 3, 4 }, new long[] { 5, 1 }, DisplayName = "stride too large")]
    [DataRow(0, new long[] { long.MaxValue, 2 }, new long[] { 1, 1 }, DisplayName = "size beyond 64 bits")]
    [DataRow(0, new long[] { 3, 2 }, new long[] { long.MaxValue, 1 }, DisplayName = "stride beyond 64 bits")]
    [DataRow(long.MaxValue, new long[] { 12 }, new long[] { 1 }, DisplayName = "offset beyond 64 bits")]
    [DataRow(0, new long[] { long.MaxValue }, new long[] { 0 }, DisplayName = "repeated beyond 64 bits")]
    public void A_tensor_that_leaves_its_storage_is_refused(long offset, long[] shape, long[] strides)
    {
        var pickle = PickleWriter.StateDictionary([("a", Tensor with { Offset = offset, Shape = shape, Strides = strides })]);

        RefusesBecause(pickle, "leaves its storage '0', which has 12 numbers");
    }

    [TestMethod]
    [DataRow(-1, new long[] { 3 }, new long[] { 1 }, "the offset -1")]
    [DataRow(0, new long[] { 3 }, new long[] { 4, 1 }, "1 sizes, 2 strides")]
    [DataRow(0, new long[] { -3 }, new long[] { 1 }, "size or stride is no whole number")]
    [DataRow(0, new long[] { 3 }, new long[] { -1 }, "size or stride is no whole number")]
    public void A_tensor_of_an_impossible_form_is_refused(long offset, long[] shape, long[] strides, string reason) =>
        RefusesBecause(PickleWriter.StateDictionary([("a", Tensor with { Offset = offset, Shape = shape, Strides = strides })]), reason);

    [TestMethod]
    [DataRow("../data.pkl")]
    [DataRow("..")]
    [DataRow("0/../1")]
    [DataRow("")]
    public void A_storage_that_is_no_number_is_refused(string key) =>
        RefusesBecause(PickleWriter.StateDictionary([("a", Tensor with { Key = key })]), $"a storage '{key}', expected a number");

    [TestMethod]
    [DataRow("ComplexFloatStorage")]
    [DataRow("UntypedStorage")]
    public void A_storage_of_another_class_is_refused(string storageClass) =>
        RefusesBecause(PickleWriter.StateDictionary([("a", Tensor with { StorageClass = storageClass })]), $"it asks for 'torch {storageClass}'");

    [TestMethod]
    public void A_storage_of_negative_size_is_refused() =>
        RefusesBecause(PickleWriter.StateDictionary([("a", Tensor with { Count = -1 })]), "it refers to a storage by other words");

    [TestMethod]
    public void A_training_checkpoint_is_refused_with_advice()
    {
        var pickle = new PickleWriter().Op('}').Text("epoch").Number(3).Op('s').Stop();

        RefusesBecause(pickle, "it holds 'epoch', a number, expected tensors: save model.state_dict() alone");
    }

    [TestMethod]
    public void Of_a_trainings_state_the_model_is_read()
    {
        var tensors = TorchPickle.ReadPart(PickleWriter.TrainingState([("a", Tensor), ("b", Tensor with { Key = "1" })]), "module");

        CollectionAssert.AreEqual(new[] { "a", "b" }, tensors.Keys);
        Assert.AreEqual(new TorchStorage("F32", "1", 12), tensors["b"].Storage);
    }

    [TestMethod]
    public void A_trainings_state_in_place_of_a_state_dictionary_is_refused() =>
        RefusesBecause(PickleWriter.TrainingState([("a", Tensor)]), "it has a number as key of a dictionary, expected a name");

    [TestMethod]
    public void A_state_dictionary_in_place_of_a_trainings_state_is_refused() =>
        RefusesPart(PickleWriter.StateDictionary([("a", Tensor)]), "it holds 'a', a tensor, expected 'module', a dictionary of tensors");

    [TestMethod]
    [DataRow("os", "system")]
    [DataRow("builtins", "eval")]
    [DataRow("__builtin__", "getattr")]
    [DataRow("torch.storage", "_load_from_bytes")]
    public void A_name_that_no_training_leaves_is_refused(string module, string name) =>
        RefusesPart(
            new PickleWriter().Global(module, name).Text("touch owned").Raw(0x85).Op('R').Stop(),
            $"it asks for '{module} {name}', which is no part of a tensor");

    [TestMethod]
    [DataRow("ctorch\nFloatStorage\n)\u0081", "it calls torch.FloatStorage with a tuple")]
    [DataRow("}(NNu", "it has None as key of a dictionary")]
    [DataRow("}.", "it holds a dictionary, expected 'module'")]
    public void A_trainings_state_that_makes_no_sense_is_refused(string program, string reason) =>
        RefusesPart(new PickleWriter().Raw(Encoding.Latin1.GetBytes(program)).Stop(), reason);

    [TestMethod]
    public void A_trainings_state_that_is_cut_short_anywhere_is_refused()
    {
        var whole = PickleWriter.TrainingState([("a", Tensor)]);

        for (var length = 0; length < whole.Length; length++)
            Assert.ThrowsExactly<FormatException>(() => TorchPickle.ReadPart(whole[..length], "module"), $"{length} bytes");
    }

    [TestMethod]
    public void A_tensor_of_endless_dimensions_is_refused() =>
        RefusesBecause(
            PickleWriter.StateDictionary([("a", Tensor with { Shape = [.. Enumerable.Repeat(1L, 17)], Strides = [.. Enumerable.Repeat(1L, 17)] })]),
            "a tensor has more than 16 dimensions");

    [TestMethod]
    public void A_name_that_stands_twice_is_refused() =>
        RefusesBecause(PickleWriter.StateDictionary([("a", Tensor), ("a", Tensor)]), "it holds 'a' twice");

    [TestMethod]
    [DataRow("", "it ends in the middle")]
    [DataRow("}.", "it begins with opcode '}' (0x7d), expected PROTO")]
    public void What_does_not_begin_as_a_pickle_is_refused(string pickle, string reason) => RefusesBecause(Encoding.ASCII.GetBytes(pickle), reason);

    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    public void Another_protocol_is_refused(int protocol) =>
        RefusesBecause(new PickleWriter((byte)protocol).Op('}').Stop(), $"pickle protocol {protocol}, expected 2");

    [TestMethod]
    [DataRow(".", "it stops with 0 values")]
    [DataRow("}}.", "it stops with 2 values")]
    [DataRow("}(.", "it stops with 1 values and 1 marks")]
    [DataRow("R", "from an empty stack")]
    [DataRow("}(R", "from an empty stack")]
    [DataRow("}(q\0", "from an empty stack")]
    [DataRow("t", "looks for a mark")]
    [DataRow("h\u0007.", "it recalls value 7, which it did not remember")]
    [DataRow("}}a", "it appends to a dictionary")]
    [DataRow("]NNs", "it sets items of a list")]
    [DataRow("}(Nu", "it sets an item without a value")]
    [DataRow("}(NNu", "it has None as key of a dictionary")]
    [DataRow("})Q", "refers to a storage by other words")]
    [DataRow("}NR", "it calls a dictionary with None")]
    [DataRow("})b", "it gives a dictionary the attributes a tuple")]
    [DataRow("ctorch\nFloatStorage\n)R", "it calls torch.FloatStorage with a tuple")]
    [DataRow("ctorch._utils\n_rebuild_tensor_v2\n)R", "_rebuild_tensor_v2 is called with other arguments")]
    [DataRow("ctorch._utils\n_rebuild_parameter\n)R", "_rebuild_parameter is called with other arguments")]
    [DataRow("ccollections\nOrderedDict\n(NtR", "OrderedDict is called with 1 arguments")]
    [DataRow("].", "it holds a list, expected a dictionary of tensors")]
    public void A_program_that_makes_no_sense_is_refused(string program, string reason) =>
        RefusesBecause(new PickleWriter().Raw(Encoding.ASCII.GetBytes(program)).Stop(), reason);

    [TestMethod]
    public void A_whole_number_beyond_64_bits_is_refused() =>
        RefusesBecause(new PickleWriter().Raw(0x8a, 9).Raw(new byte[9]).Stop(), "a whole number of 9 bytes, more than 8");

    [TestMethod]
    public void A_name_without_an_end_is_refused() =>
        RefusesBecause(new PickleWriter().Op('c').Raw(Encoding.ASCII.GetBytes(new string('x', 300) + "\n\n")).Stop(), "longer than 256 bytes");

    [TestMethod]
    public void A_text_that_is_not_UTF_8_is_refused() =>
        RefusesBecause(new PickleWriter().Op('X').Raw(1, 0, 0, 0, 0xff).Stop(), "a text that is not UTF-8");

    [TestMethod]
    [DataRow('(')]
    [DataRow('}')]
    [DataRow(']')]
    public void More_values_than_any_checkpoint_makes_are_refused(char opcode)
    {
        var program = new byte[5_000_000];
        Array.Fill(program, (byte)opcode);

        RefusesBecause(new PickleWriter().Raw(program).Stop(), "it makes more than 4000000 values");
    }

    [TestMethod]
    public void Values_within_each_other_to_any_depth_are_read_without_recursion()
    {
        var nested = Enumerable.Repeat((byte)0x85, 1_000_000).ToArray();

        RefusesBecause(new PickleWriter().Op('}').Text("a").Op('N').Raw(nested).Op('s').Stop(), "it holds 'a', a tuple, expected tensors");
    }

    private static void RefusesBecause(byte[] pickle, string reason) =>
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => TorchPickle.Read(pickle)).Message, reason);

    private static void RefusesPart(byte[] pickle, string reason) =>
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => TorchPickle.ReadPart(pickle, "module")).Message, reason);
}
