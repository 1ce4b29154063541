namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>Who is told of a download, and who may stop it.</summary>
/// <param name="Log">Gets lines for people.</param>
/// <param name="CheckCancelled">Called often; throws <see cref="OperationCanceledException"/> to stop the download.</param>
/// <param name="Progress">Is told how far the download is; null if nobody asks.</param>
internal sealed record DownloadObserver(
    Action<string> Log, Action CheckCancelled, IProgress<BackboneDownloadProgress>? Progress, CancellationToken CancellationToken)
{
    public static DownloadObserver None { get; } = new(_ => { }, () => { }, Progress: null, CancellationToken.None);
}
