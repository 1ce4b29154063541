using System.Net;
using System.Net.Http.Headers;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>What an answer of the hub that is none means, and what to do.</summary>
internal static class HubErrors
{
    private const string ErrorCode = "X-Error-Code", ErrorMessage = "X-Error-Message";

    /// <param name="what">What was asked for: a model, or a file of it.</param>
    /// <param name="isHub">Whether the hub itself has answered, not a server that it leads to.</param>
    public static HttpRequestException Of(HttpResponseMessage response, HubName hub, string what, HubSettings settings, bool isHub)
    {
        var status = response.StatusCode;
        var said = Header(response, ErrorMessage) is { Length: > 0 } message ? $" It says: {message}" : "";
        if (status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout || (int)status >= 500)
            return new TransientHubException(
                $"{settings.Endpoint} answered {(int)status} for {what} of '{hub}'.{said}", status, retryAfter: Wait(response.Headers.RetryAfter));
        if (!isHub) // The address that the hub gave is valid for a while; the next one is new.
            return new TransientHubException($"{response.RequestMessage!.RequestUri!.Host} answered {(int)status} for {what} of '{hub}'.", status);

        var page = new Uri(settings.Endpoint, hub.Name);
        var token = settings.Token is null
            ? $"{HubSettings.TokenVariable} is not set: set it to a token of {new Uri(settings.Endpoint, "settings/tokens")}"
            : $"the token of {HubSettings.TokenVariable} or of the token file was refused: make a new one at {new Uri(settings.Endpoint, "settings/tokens")}";
        var reason = (Header(response, ErrorCode), status) switch
        {
            ("GatedRepo", _) when settings.Token is null => $"is gated. Accept its conditions at {page}, then {token}.",
            ("GatedRepo", _) => $"is gated, and the token's owner has no access. Accept its conditions at {page} in the account of the token.",
            ("RevisionNotFound", _) => $"has no revision '{hub.RevisionOrDefault}'. Name a branch, tag or commit of {page}.",
            ("EntryNotFound", _) => $"has no file {what}. Look at {page}.",
            (_, HttpStatusCode.Unauthorized) =>
                $"does not exist, or needs a token; the hub does not say which. Check the name at {page}. For a private model, {token}.",
            (_, HttpStatusCode.Forbidden) => $"may not be read by the owner of the token. Ask for access at {page}, or give the token the right to read.",
            (_, HttpStatusCode.NotFound) => $"does not exist, or {what} is not there. Check name and revision at {page}; a private model needs a token.",
            _ => $"was refused. Check {page}, and {HubSettings.EndpointVariable}.",
        };
        return new(
            $"{settings.Endpoint} answered {(int)status} for {what} of '{hub}': the model '{hub.Name}' {reason}{said}",
            inner: null, status);
    }

    public static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private static TimeSpan? Wait(RetryConditionHeaderValue? header)
    {
        var wait = header?.Delta ?? header?.Date - DateTimeOffset.UtcNow;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }
}
