using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Layers;

[TestClass]
public class ArithmeticTests
{
    [TestMethod]
    public void Sums_products_and_quotients_are_those_of_the_numbers()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor([1f, 2f, 0f]), tensor([10f, 20f, 30f]));

        CollectionAssert.AreEqual(new[] { 11f, 22f, 30f }, Values(x.Plus(y)));
        CollectionAssert.AreEqual(new[] { 0f, 1f, -1f }, Values(x.MinusOne()));
        CollectionAssert.AreEqual(new[] { 2.5f, 5f, 0f }, Values(x.Times(2.5)));
        CollectionAssert.AreEqual(new[] { 0.25f, 0.5f, 0f }, Values(x.DividedBy(4)));
        CollectionAssert.AreEqual(new[] { false, false, true }, x.IsZero().data<bool>().ToArray());
        CollectionAssert.AreEqual(new[] { 7f, 7f, 7f }, Values(x.Filled(7)));
        CollectionAssert.AreEqual(new[] { 3L, 4L, 5L }, Arithmetic.Range(3, 6, CPU).data<long>().ToArray());
    }

    [TestMethod]
    public void Numbers_beyond_those_of_F16_become_its_largest()
    {
        using var scope = NewDisposeScope();

        CollectionAssert.AreEqual(new[] { 65504f, -65504f, 0.1f }, Values(tensor([1e6f, float.NegativeInfinity, 0.1f]).WithinHalf()));
    }

    [TestMethod]
    public void Sum_in_place_changes_the_first_tensor()
    {
        using var scope = NewDisposeScope();
        var x = tensor([1f, 2f]);

        x.AddInPlace(tensor([3f, 4f]));

        CollectionAssert.AreEqual(new[] { 4f, 6f }, Values(x));
    }

    [TestMethod]
    public void Library_uses_no_operator_of_tensors_whose_number_may_be_collected_under_it()
    {
        string[] refused = ["op_Addition", "op_Subtraction", "op_Division", "op_Modulus"];
        using var image = new PEReader(File.OpenRead(typeof(PTuningV2Trainer).Assembly.Location));
        var metadata = image.GetMetadataReader();

        var used = metadata.MemberReferences.Select(metadata.GetMemberReference)
            .Where(member => member.Parent.Kind == HandleKind.TypeReference
                && metadata.GetString(metadata.GetTypeReference((TypeReferenceHandle)member.Parent).Name) == nameof(Tensor))
            .Select(member => metadata.GetString(member.Name));

        Assert.IsEmpty(used.Intersect(refused), "use Plus, MinusOne, Over of Arithmetic instead");
    }

    private static float[] Values(Tensor tensor) => tensor.data<float>().ToArray();
}
