using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.ML.PTuning.Serving.Hosting;

/// <summary>Refuses options of models that are out of their range, all at once, when the application starts.</summary>
internal sealed class ModelsOptionsValidator<TOptions>(IHostEnvironment environment) : IValidateOptions<TOptions>
    where TOptions : PTuningModelsOptions
{
    public ValidateOptionsResult Validate(string? name, TOptions options)
    {
        var ranges = new OptionRanges();
        var folder = ModelsDirectory.Of(options, environment);
        if (string.IsNullOrWhiteSpace(options.ModelsDirectory))
            ranges.Wrong.Add("ModelsDirectory is empty. Name the folder with the models' zips.");
        else if (!Directory.Exists(folder))
            ranges.Wrong.Add($"ModelsDirectory: there is no folder '{folder}'. Create it, or name another.");

        ranges.AtLeast(options.TensorBudgetBytes, 1, nameof(options.TensorBudgetBytes));
        ranges.AtLeast(options.QueueCapacity, 1, nameof(options.QueueCapacity));
        ranges.AtLeast(options.MaxBatchSize, 1, nameof(options.MaxBatchSize));
        ranges.AtLeast(options.MaxRowCharacters, 1, nameof(options.MaxRowCharacters));
        ranges.AtLeast(options.ScoringCores ?? 1, 1, nameof(options.ScoringCores));
        ranges.AtLeast(options.GpuDeviceId ?? 0, 0, nameof(options.GpuDeviceId));
        ranges.Between(options.PollInterval, TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1), nameof(options.PollInterval));
        ranges.Between(options.SettleTime, TimeSpan.Zero, TimeSpan.FromMinutes(10), nameof(options.SettleTime));
        ranges.Between(options.MaxBatchDelay, TimeSpan.Zero, TimeSpan.FromDays(1), nameof(options.MaxBatchDelay));
        ranges.Between(options.MaxQueueWait, TimeSpan.Zero, TimeSpan.FromHours(1), nameof(options.MaxQueueWait));
        if (options.Precision is { } precision && !Enum.IsDefined(precision))
            ranges.Wrong.Add($"Precision must be one of {string.Join(", ", Enum.GetNames<BackbonePrecision>())}; found {options.Precision}.");
        return ranges.Wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(ranges.Wrong);
    }
}
