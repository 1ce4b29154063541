using System.Globalization;
using System.Reflection;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Documentation;

/// <summary>The table of docs/methods.md: it has every method, with what a model of two classes over the default encoder takes.</summary>
[TestClass]
public sealed partial class MethodsPageTests
{
    /// <summary>What a zip holds beside its tensors, at most: headers and Prompt.json.</summary>
    private const int MostOverhead = 8 << 10;

    /// <summary>ML.NET compresses the entries of a zip; numbers become smaller by less than a tenth.</summary>
    private const double LeastOfTensors = 0.9;

    private static readonly string s_page = File.ReadAllText(Path.Combine(SecondProcess.Repository, "docs", "methods.md"));

    public static IEnumerable<object[]> Kinds => TuningMethod.Kinds.Keys.Select(kind => new object[] { kind });

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Method_has_a_row_with_its_size(string kind)
    {
        var row = Row().Matches(s_page).SingleOrDefault(row => row.Groups["kind"].Value == kind);
        Assert.IsNotNull(row, $"The table of docs/methods.md has no row with the kind `{kind}`, a share and a size.");
        using var encoder = Backbone.Load(Path.Combine(AppContext.BaseDirectory, "backbones", "all-MiniLM-L6-v2"), CPU);
        var (trained, all) = (Numbers(kind, encoder), encoder.Tensors.Names.Sum(name => encoder.Tensors[name].numel()));
        var head = 2 * (encoder.Configuration.HiddenSize + 1);

        var share = double.Parse(row.Groups["share"].Value, CultureInfo.InvariantCulture);
        Assert.AreEqual(100.0 * trained / all, share, 0.006, $"{kind}: share in %");
        var (size, unit) = (double.Parse(row.Groups["size"].Value, CultureInfo.InvariantCulture), row.Groups["unit"].Value == "MB" ? 1e6 : 1e3);
        var rounding = row.Groups["size"].Value.Contains('.') ? unit / 20 : unit / 2;
        Assert.IsInRange(LeastOfTensors * 4 * (trained + head) - rounding, 4 * (trained + head) + MostOverhead + rounding, size * unit);
    }

    private static long Numbers(string kind, Backbone encoder)
    {
        var type = typeof(TuningMethod).GetCustomAttributes<JsonDerivedTypeAttribute>(inherit: false)
            .Single(derived => (string)derived.TypeDiscriminator! == kind).DerivedType;
        var method = type == typeof(DeepPrefix) ? new PTuningV2Trainer.MulticlassOptions().TrainedMethod : (TuningMethod)Activator.CreateInstance(type)!;
        return method.Declare(encoder).Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));
    }

    /// <summary>Its second cell is the kind; the share and the size follow what is trained.</summary>
    [GeneratedRegex(@"^\| [^|]+ \| `(?<kind>[a-z0-9-]+)` \| [^|]+ \| (?<share>[0-9.]+) % \| (?<size>[0-9.]+) (?<unit>KB|MB) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
