using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.ML.PTuning.AspNetCore.Hosting;

/// <summary>Refuses options that are out of their range, all at once, when the application starts.</summary>
internal sealed class PTuningOptionsValidator(IHostEnvironment environment) : IValidateOptions<PTuningOptions>
{
    public ValidateOptionsResult Validate(string? name, PTuningOptions options)
    {
        List<string> wrong = [];
        var folder = ModelsDirectoryOf(options, environment);
        if (string.IsNullOrWhiteSpace(options.ModelsDirectory))
            wrong.Add("ModelsDirectory is empty. Name the folder with the models' zips.");
        else if (!Directory.Exists(folder))
            wrong.Add($"ModelsDirectory: there is no folder '{folder}'. Create it, or name another.");

        AtLeast(options.TensorBudgetBytes, 1, nameof(options.TensorBudgetBytes));
        AtLeast(options.QueueCapacity, 1, nameof(options.QueueCapacity));
        AtLeast(options.MaxBatchSize, 1, nameof(options.MaxBatchSize));
        AtLeast(options.MaxRowCharacters, 1, nameof(options.MaxRowCharacters));
        AtLeast(options.MaxStreamRows, 1, nameof(options.MaxStreamRows));
        AtLeast(options.StreamWindow, 1, nameof(options.StreamWindow));
        AtLeast(options.MaxModelsPerRow, 1, nameof(options.MaxModelsPerRow));
        AtLeast(options.ScoringCores ?? 1, 1, nameof(options.ScoringCores));
        AtLeast(options.GpuDeviceId ?? 0, 0, nameof(options.GpuDeviceId));
        Between(options.PollInterval, TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1), nameof(options.PollInterval));
        Between(options.SettleTime, TimeSpan.Zero, TimeSpan.FromMinutes(10), nameof(options.SettleTime));
        Between(options.MaxBatchDelay, TimeSpan.Zero, TimeSpan.FromDays(1), nameof(options.MaxBatchDelay));
        Between(options.MaxQueueWait, TimeSpan.Zero, TimeSpan.FromHours(1), nameof(options.MaxQueueWait));
        Between(options.DrainTimeout, TimeSpan.Zero, TimeSpan.FromHours(1), nameof(options.DrainTimeout));
        if (!Enum.IsDefined(options.Precision))
            wrong.Add($"Precision must be one of {string.Join(", ", Enum.GetNames<BackbonePrecision>())}; found {options.Precision}.");
        CheckKeys(options, wrong);
        if (options.RateLimit is { } limit)
        {
            AtLeast(limit.Requests, 1, "RateLimit.Requests");
            Between(limit.Period, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1), "RateLimit.Period");
        }
        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);

        void AtLeast(long value, long least, string option)
        {
            if (value < least)
                wrong.Add($"{option} must be {least} or more; found {value}.");
        }

        void Between(TimeSpan value, TimeSpan least, TimeSpan most, string option)
        {
            if (value < least || value > most)
                wrong.Add($"{option} must be between {least} and {most}; found {value}.");
        }
    }

    /// <returns>The full path of the models' folder.</returns>
    public static string ModelsDirectoryOf(PTuningOptions options, IHostEnvironment environment) =>
        Path.GetFullPath(options.ModelsDirectory, environment.ContentRootPath);

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
