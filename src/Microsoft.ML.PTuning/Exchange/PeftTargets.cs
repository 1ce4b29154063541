using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>The value of <c>target_modules</c>: a name means every linear layer whose name is it, or ends with a dot and it.</summary>
internal static class PeftTargets
{
    /// <summary>The shortest names that mean the layers which a method changes, and no others.</summary>
    public static IReadOnlyList<string> Of(LowRankAdaptation method, Backbone backbone)
    {
        var prefix = backbone.OwnFamily.Keys.Prefix;
        var changed = method.ModulesIn(backbone).Select(module => prefix + module).ToHashSet();
        string[] others = [.. LinearLayers(backbone, prefix).Where(module => !changed.Contains(module))];
        return [.. changed.Select(Shortest).Distinct().Order(StringComparer.Ordinal)];

        string Shortest(string module) => Endings(module).First(ending => ending == module || !others.Any(other => Means(ending, other)));
    }

    /// <summary>Every module of the encoder with a weight, and those of a head.</summary>
    private static IEnumerable<string> LinearLayers(Backbone backbone, string prefix) => backbone.Tensors.Names
        .Where(name => name.EndsWith(".weight", StringComparison.Ordinal)).Select(name => prefix + name[..^".weight".Length])
        .Concat(["classifier", "classifier.dense", "classifier.out_proj", "qa_outputs", "lm_head", "pooler.dense", prefix + "pooler", prefix + "pooler.dense"]);

    private static bool Means(string name, string module) => module == name || module.EndsWith($".{name}", StringComparison.Ordinal);

    /// <summary>Of <c>bert.encoder.layer.0.output.dense</c>: dense, output.dense, and so on, to the whole name.</summary>
    private static IEnumerable<string> Endings(string module)
    {
        for (var dot = module.LastIndexOf('.'); dot >= 0; dot = dot == 0 ? -1 : module.LastIndexOf('.', dot - 1))
            yield return module[(dot + 1)..];
        yield return module;
    }
}
