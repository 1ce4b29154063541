using System.Net;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>A request failed that may succeed later.</summary>
/// <param name="isUnreachable">Whether there was no answer at all.</param>
/// <param name="retryAfter">How long the server asks to wait; null if it does not say.</param>
internal sealed class TransientHubException(
    string message, HttpStatusCode? status = null, bool isUnreachable = false, TimeSpan? retryAfter = null, Exception? inner = null)
    : HttpRequestException(message, inner, status)
{
    public bool IsUnreachable { get; } = isUnreachable;

    public TimeSpan? RetryAfter { get; } = retryAfter;
}
