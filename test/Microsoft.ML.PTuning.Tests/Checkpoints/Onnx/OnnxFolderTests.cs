using Microsoft.ML.PTuning.Checkpoints.Onnx;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>Weights in files beside the model, and nowhere else.</summary>
[TestClass]
public sealed class OnnxFolderTests : IDisposable
{
    private readonly OnnxDraft _draft = new();
    private readonly OnnxReading _reading = new();

    public OnnxFolderTests() => File.WriteAllBytes(_reading.File("model.onnx_data"), Bytes);

    private static byte[] Bytes { get; } = [.. new float[] { 0, 1, 2, 3, 4, 5 }.SelectMany(BitConverter.GetBytes)];

    public void Dispose() => _reading.Dispose();

    [TestMethod]
    [DataRow("8", "16", new float[] { 2, 3, 4, 5 })]
    [DataRow("4", null, new float[] { 1, 2, 3, 4 })]
    [DataRow(null, null, new float[] { 0, 1, 2, 3 })]
    public void Numbers_lie_where_the_model_says(string? offset, string? length, float[] numbers)
    {
        Add("model.onnx_data", offset, length);

        _reading.Holds(_draft, ("a.weight", [4], numbers));
        File.Delete(_reading.File("model.onnx_data")); // A download asks for the names first.
        CollectionAssert.AreEqual((string[])["model.onnx_data"], OnnxModel.OtherFilesOf(_reading.Path).ToArray());
    }

    [TestMethod]
    public void A_folder_below_is_inside()
    {
        Directory.CreateDirectory(_reading.File("weights"));
        File.Move(_reading.File("model.onnx_data"), _reading.File("weights/a.bin"));
        Add("weights/a.bin");

        _reading.Holds(_draft, ("a.weight", [4], [0, 1, 2, 3]));
    }

    [TestMethod]
    [DataRow("../model.onnx_data")]
    [DataRow("weights/../../model.onnx_data")]
    [DataRow("/etc/passwd")]
    [DataRow("C:\\model.onnx_data")]
    [DataRow("..\\model.onnx_data")]
    [DataRow(".hidden")]
    [DataRow("")]
    public void A_name_that_leads_elsewhere_is_refused(string name)
    {
        Add(name);

        _reading.RefusesBecause(_draft, $"it keeps weights in '{name}', expected a file's name in its own folder");
        Assert.ThrowsExactly<InvalidDataException>(() => OnnxModel.OtherFilesOf(_reading.Path));
    }

    [TestMethod]
    public void A_file_that_is_not_there_is_refused_by_its_name()
    {
        Add("model.onnx.data");

        _reading.RefusesBecause(_draft, "it keeps weights in 'model.onnx.data', and that file is not beside it; fetch both");
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public void A_link_out_of_the_folder_is_refused()
    {
        using var elsewhere = new TemporaryDirectory();
        File.WriteAllBytes(elsewhere.File("secret"), Bytes);
        File.CreateSymbolicLink(_reading.File("linked"), elsewhere.File("secret"));
        Add("linked");

        _reading.RefusesBecause(_draft, $"it keeps weights in 'linked', which is a link to '{elsewhere.File("secret")}', outside of its folder");
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public void A_folder_that_is_a_link_out_is_refused()
    {
        using var elsewhere = new TemporaryDirectory();
        File.WriteAllBytes(elsewhere.File("secret"), Bytes);
        Directory.CreateSymbolicLink(_reading.File("weights"), elsewhere.Path);
        Add("weights/secret");

        _reading.RefusesBecause(_draft, "it keeps weights in 'weights/secret', which is a link to", "outside of its folder");
    }

    /// <summary>A snapshot of the Hugging Face cache is a folder of links to files that lie together elsewhere.</summary>
    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public void A_link_to_where_the_model_itself_is_a_link_to_is_followed()
    {
        using var snapshot = new TemporaryDirectory();
        Add("model.onnx_data");
        _draft.Save(_reading.File("0123abcd"));
        File.Move(_reading.File("model.onnx_data"), _reading.File("4567cdef"));
        File.CreateSymbolicLink(snapshot.File("model.onnx"), _reading.File("0123abcd"));
        File.CreateSymbolicLink(snapshot.File("model.onnx_data"), _reading.File("4567cdef"));

        using var model = OnnxModel.Open(snapshot.File("model.onnx"));
        CollectionAssert.AreEqual((float[])[0, 1, 2, 3], OnnxReading.Read(model, "a.weight"));
    }

    [TestMethod]
    [DataRow("12", "16", "its tensor 'a.weight' (F32 [4]) lies at byte 12 of 'model.onnx_data', 16 bytes long, but that file has 24")]
    [DataRow("100", null, "lies at byte 100 of 'model.onnx_data'")]
    [DataRow("9223372036854775807", "16", "lies at byte 9223372036854775807 of 'model.onnx_data'")]
    [DataRow("0", "12", "its tensor 'a.weight' is F32 [4], 16 bytes, but has 12 in 'model.onnx_data'")]
    [DataRow("-4", null, "its tensor 'a.weight' has '-4' as offset of its bytes, expected a whole number")]
    [DataRow("0", "9223372036854775808", "its tensor 'a.weight' has '9223372036854775808' as length of its bytes, expected a whole number")]
    public void Bytes_that_are_not_in_the_file_are_refused(string offset, string? length, string reason)
    {
        Add("model.onnx_data", offset, length);

        _reading.RefusesBecause(_draft, reason);
    }

    private void Add(string location, string? offset = null, string? length = null)
    {
        var external = new Dictionary<string, string> { ["location"] = location };
        if (offset is not null)
            external["offset"] = offset;
        if (length is not null)
            external["length"] = length;
        _draft.Tensors.Add(new DraftTensor("a.weight", OnnxType.Float, [4], []) with { External = external });
    }
}
