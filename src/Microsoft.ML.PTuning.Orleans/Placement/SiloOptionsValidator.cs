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
        options.Client.Check(ranges, "Client.");
        return ranges.Wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(ranges.Wrong);
    }
}
