using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.Serving.Hosting;

namespace Microsoft.ML.PTuning.Orleans.Placement;

/// <summary>Refuses options of silos that are out of their range when the silo starts.</summary>
internal sealed class SiloOptionsValidator : IValidateOptions<PTuningSiloOptions>
{
    public ValidateOptionsResult Validate(string? name, PTuningSiloOptions options)
    {
        var ranges = new OptionRanges();
        ranges.AtLeast(options.RangesPerSilo, 1, nameof(options.RangesPerSilo));
        ranges.AtLeast(options.Client.RowsPerReplica, 1, "Client.RowsPerReplica");
        ranges.AtLeast(options.Client.MaxReplicas, 1, "Client.MaxReplicas");
        if (options.Client.MaxReplicas > PTuningClusterOptions.MostReplicas)
            ranges.Wrong.Add($"Client.MaxReplicas must be {PTuningClusterOptions.MostReplicas} or less; found {options.Client.MaxReplicas}.");
        return ranges.Wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(ranges.Wrong);
    }
}
