using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.Orleans.Serving;

/// <summary>Why a silo refuses a row: the exceptions of <see cref="IPTuningPredictor"/> on their way.</summary>
/// <param name="Kind">The name of the exception's type.</param>
/// <param name="Text">Its message, or what its message is made of.</param>
/// <param name="Name">The model's, or the field's.</param>
[GenerateSerializer]
[Immutable]
internal sealed record Refusal(
    [property: Id(0)] string Kind, [property: Id(1)] string Text, [property: Id(2)] string? Name = null, [property: Id(3)] bool IsTooLong = false)
{
    /// <returns>Null if it is a fault of the silo, and none of the row or the model.</returns>
    public static Refusal? Of(Exception exception) => exception switch
    {
        PTuningModelNotFoundException e => new(nameof(PTuningModelNotFoundException), e.Message, e.Model),
        PTuningModelUnavailableException e => new(nameof(PTuningModelUnavailableException), e.Reason, e.Model),
        PTuningRowException e => new(nameof(PTuningRowException), e.Message, e.Field, e.IsTooLong),
        PredictionQueueFullException e => new(nameof(PredictionQueueFullException), e.Message),
        _ => null,
    };

    public Exception AsException() => Kind switch
    {
        nameof(PTuningModelNotFoundException) => new PTuningModelNotFoundException(Name!),
        nameof(PTuningModelUnavailableException) => new PTuningModelUnavailableException(Name!, Text),
        nameof(PTuningRowException) => new PTuningRowException(Text, Name, IsTooLong),
        _ => new PredictionQueueFullException(Text),
    };
}
