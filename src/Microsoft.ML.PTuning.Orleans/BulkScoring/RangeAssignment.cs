using System.Text.Json;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>A range to score, with all that a silo needs for it.</summary>
/// <param name="Number">The range's number in the job, from 0.</param>
/// <param name="File">The <see cref="PlannedFile"/> with this one range, as JSON.</param>
[GenerateSerializer]
[Immutable]
internal sealed record RangeAssignment(
    [property: Id(0)] ScoringJob Job,
    [property: Id(1)] int Number,
    [property: Id(2)] string ModelSha256,
    [property: Id(3)] string Format,
    [property: Id(4)] string File)
{
    public string PartFile => JobFolder.PartFile(Job.OutputDirectory, Number, Format);

    public static RangeAssignment Of(ScoringJob job, JobPlan plan, int number)
    {
        var place = number;
        foreach (var file in plan.Files)
        {
            var ranges = file.Divided.Ranges;
            if (place < ranges.Count)
            {
                var alone = file with { Divided = file.Divided with { Ranges = [ranges[place]] } };
                return new(job, number, plan.ModelSha256, plan.Format, JsonSerializer.Serialize(alone));
            }

            place -= ranges.Count;
        }

        throw new ArgumentOutOfRangeException(nameof(number), number, $"The job has {plan.Ranges} ranges.");
    }

    public PlannedFile ReadFile() => JsonSerializer.Deserialize<PlannedFile>(File)!;
}

/// <summary>What became of a range.</summary>
/// <param name="Error">Why it was not written; null if it was.</param>
/// <param name="IsFinal">Whether another try would end in the same way.</param>
[GenerateSerializer]
[Immutable]
internal sealed record RangeOutcome([property: Id(0)] int BrokenRows, [property: Id(1)] string? Error = null, [property: Id(2)] bool IsFinal = false);
