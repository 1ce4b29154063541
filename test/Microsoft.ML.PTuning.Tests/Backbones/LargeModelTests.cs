using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Models larger than memory stay in their files.</summary>
[TestClass]
[TestCategory("Slow")]
[OSCondition(OperatingSystems.Linux)]
public sealed class LargeModelTests
{
    private const long Megabyte = 1 << 20;

    /// <summary>GLM-10B's shape. Its first layer is that of a model of two layers with the same weights, but for the rounding of BF16.</summary>
    [TestMethod]
    public void Model_of_ten_billion_numbers_loads_in_little_memory_and_its_first_layer_runs()
    {
        using var large = new SparseModel(Configuration(), IsOfTheFirstLayer);
        using var small = new SparseModel(Configuration(layers: 2), IsOfTheFirstLayer);
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var batch = new EncodedBatch(tensor(new long[] { 3, 1, 4, 1, 5, 9, 2, 6 }, 1, 8), zeros(1, 8, ScalarType.Int64), Mask: null);

        var before = AnonymousMemory();
        using var backbone = Backbone.Load(large.Path, CPU, BackbonePrecision.BFloat16);
        Assert.IsLessThan(before + 100 * Megabyte, AnonymousMemory());
        Assert.AreEqual(large.Numbers, backbone.ParameterCount);
        Assert.IsGreaterThan(9_800_000_000, backbone.ParameterCount);

        var output = FirstLayer(backbone, batch);
        using var exact = Backbone.Load(small.Path, CPU);
        var expected = FirstLayer(exact, batch);
        var bound = 16 * Math.Pow(2, -8) * expected.abs().max().item<float>();
        Assert.IsLessThan(bound, output.to(ScalarType.Float32).sub(expected).abs().max().item<float>());
    }

    private static Tensor FirstLayer(Backbone backbone, EncodedBatch batch) => backbone.RunLayers(backbone.Embed(batch, positionOffset: 0), batch, tuning: null, 0, 1);

    private static bool IsOfTheFirstLayer(string tensor) => !tensor.Contains(".layers.", StringComparison.Ordinal) || tensor.Contains(".layers.0.", StringComparison.Ordinal);

    private static JsonObject Configuration(int? layers = null)
    {
        var configuration = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "approved", "glm-10b.config.json")))!.AsObject();
        if (layers is not null)
            configuration["num_layers"] = layers;
        return configuration;
    }

    /// <summary>Bytes that are not pages of files.</summary>
    private static long AnonymousMemory()
    {
        var line = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
