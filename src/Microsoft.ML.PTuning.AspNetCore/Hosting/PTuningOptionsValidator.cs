using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.Serving.Hosting;

namespace Microsoft.ML.PTuning.AspNetCore.Hosting;

/// <summary>Refuses options of the web service that are out of their range, all at once, when the application starts.</summary>
internal sealed class PTuningOptionsValidator : IValidateOptions<PTuningOptions>
{
    public ValidateOptionsResult Validate(string? name, PTuningOptions options)
    {
        var ranges = new OptionRanges();
        ranges.AtLeast(options.MaxStreamRows, 1, nameof(options.MaxStreamRows));
        ranges.AtLeast(options.StreamWindow, 1, nameof(options.StreamWindow));
        ranges.AtLeast(options.MaxModelsPerRow, 1, nameof(options.MaxModelsPerRow));
        ranges.Between(options.DrainTimeout, TimeSpan.Zero, TimeSpan.FromHours(1), nameof(options.DrainTimeout));
        CheckKeys(options, ranges.Wrong);
        if (options.RateLimit is { } limit)
        {
            ranges.AtLeast(limit.Requests, 1, "RateLimit.Requests");
            ranges.Between(limit.Period, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1), "RateLimit.Period");
        }
        return ranges.Wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(ranges.Wrong);
    }

    private static void CheckKeys(PTuningOptions options, List<string> wrong)
    {
        const int Shortest = 16;
        if (string.IsNullOrWhiteSpace(options.ApiKeyHeader))
            wrong.Add("ApiKeyHeader is empty. Name the header with the key, such as X-Api-Key.");
        foreach (var (caller, key) in options.ApiKeys)
            if (key is null || key.Length < Shortest)
                wrong.Add($"ApiKeys: the key of '{caller}' must have {Shortest} characters or more; found {key?.Length ?? 0}.");
        if (options.ApiKeys.Values.Distinct(StringComparer.Ordinal).Count() < options.ApiKeys.Count)
            wrong.Add("ApiKeys: two callers have the same key. Give each its own.");
    }
}
