using System.Globalization;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>Makes requests again that failed for a reason that passes.</summary>
internal sealed class HubRetries(HubSettings settings, DownloadObserver observer)
{
    /// <summary>Runs it until it succeeds, or has failed once more often than it may be tried again.</summary>
    /// <param name="bytes">How much has arrived so far. Each time that is more than ever before, failures count anew. Null if nothing is counted.</param>
    /// <param name="whereUnreachable">Whether to try again if there was no answer at all.</param>
    /// <exception cref="HttpRequestException">It failed too often, or is to wait too long.</exception>
    public async Task<T> RunAsync<T>(Func<Task<T>> attempt, Func<long>? bytes = null, bool whereUnreachable = true)
    {
        var most = bytes?.Invoke() ?? 0;
        for (var failures = 1; ; failures++)
        {
            observer.CheckCancelled();
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (TransientHubException e)
            {
                if (bytes?.Invoke() is { } arrived && arrived > most)
                    (most, failures) = (arrived, 1);
                if (failures > settings.Retries || e.RetryAfter > settings.LongestRetryAfter || (e.IsUnreachable && !whereUnreachable))
                    throw Final(e, failures);

                var pause = e.RetryAfter ?? Pause(failures);
                observer.Log(string.Create(CultureInfo.InvariantCulture, $"{e.Message} Trying again in {pause.TotalSeconds:0.#} s."));
                await Task.Delay(pause, observer.CancellationToken).ConfigureAwait(false);
            }
        }
    }

    private TimeSpan Pause(int failures)
    {
        var pause = settings.FirstPause * Math.Pow(2, failures - 1);
        return pause < settings.LongestPause ? pause : settings.LongestPause;
    }

    private static HttpRequestException Final(TransientHubException e, int failures)
    {
        var advice = e.RetryAfter is { } wait
            ? string.Create(CultureInfo.InvariantCulture, $"The server asks to wait for {wait.TotalSeconds:0} s; try again then. ")
                + $"A token in {HubSettings.TokenVariable} may raise the limit."
            : e.IsUnreachable
                ? $"Check the network, and a proxy in HTTPS_PROXY; or set {HubSettings.EndpointVariable} to a mirror; or copy the encoder to this machine and "
                    + "name its folder."
                : "Try again later.";
        return new HttpRequestException(
            $"{e.Message} It failed {(failures == 1 ? "once" : $"{failures} times")}. {advice} What has arrived is kept.", e, e.StatusCode);
    }
}
