using Microsoft.ML.PTuning.Orleans.Placement;
using Orleans.Concurrency;

namespace Microsoft.ML.PTuning.Orleans.Serving;

/// <summary>Answers for a model on the silo that it is on, where the model stays loaded. Its key is a replica's number and the model's name.</summary>
internal interface IModelGrain : IGrainWithIntegerCompoundKey
{
    /// <summary>Describes the model, as JSON in UTF-8.</summary>
    /// <inheritdoc cref="PredictAsync"/>
    [AlwaysInterleave]
    [ResponseTimeout(ShortCalls.ResponseTimeout)]
    Task<Reply<byte[]>?> DescribeAsync(Guid id, CancellationToken cancellationToken);

    /// <summary>Predicts a row.</summary>
    /// <returns>Null if it takes longer: ask again with the same id, and the call waits for the same work.</returns>
    [AlwaysInterleave]
    [ResponseTimeout(ShortCalls.ResponseTimeout)]
    Task<Reply<Dictionary<string, Prediction>>?> PredictAsync(RowRequest request, CancellationToken cancellationToken);
}

/// <summary>A row on its way.</summary>
/// <param name="Models">The models that are asked; the first one is the grain's.</param>
/// <param name="Row">JSON in UTF-8.</param>
/// <param name="IsTyped">Whether the row was an object of the application's, and columns are wanted for another one; else JSON.</param>
[GenerateSerializer]
[Immutable]
internal sealed record RowRequest([property: Id(0)] Guid Id, [property: Id(1)] string[] Models, [property: Id(2)] byte[] Row, [property: Id(3)] bool IsTyped);

/// <summary>A model's answer, in one of two forms.</summary>
/// <param name="Json">In UTF-8.</param>
/// <param name="Columns">Names and values.</param>
[GenerateSerializer]
[Immutable]
internal sealed record Prediction([property: Id(0)] byte[]? Json, [property: Id(1)] Dictionary<string, object>? Columns);

/// <summary>An answer or a refusal.</summary>
[GenerateSerializer]
[Immutable]
internal sealed record Reply<T>([property: Id(0)] T? Answer, [property: Id(1)] Refusal? Refusal)
    where T : class
{
    /// <summary>The answer.</summary>
    /// <exception cref="Exception">It was refused, for the same reason as on the silo.</exception>
    public T Open() => Refusal is { } refusal ? throw refusal.AsException() : Answer!;
}
