using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.AspNetCore.Endpoints;

namespace Microsoft.ML.PTuning.AspNetCore.Hosting;

/// <summary>Authenticates callers by the key in a header.</summary>
internal sealed class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> scheme, ILoggerFactory logger, UrlEncoder encoder, IOptions<PTuningOptions> options)
    : AuthenticationHandler<AuthenticationSchemeOptions>(scheme, logger, encoder)
{
    /// <summary>The name of the authentication scheme.</summary>
    public const string SchemeName = "PTuningApiKey";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Authenticate());

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var header = options.Value.ApiKeyHeader;
        Response.Headers.WWWAuthenticate = $"ApiKey header=\"{header}\"";
        return Problems.WriteAsync(Context, Problems.Create(
            StatusCodes.Status401Unauthorized, "unauthorized", "A key is needed.", $"Send a valid key in the header {header}."));
    }

    private AuthenticateResult Authenticate()
    {
        var sent = Request.Headers[options.Value.ApiKeyHeader];
        if (sent.Count == 0)
            return AuthenticateResult.NoResult();
        if (sent.Count > 1 || CallerOf(sent[0] ?? "") is not { } caller)
            return AuthenticateResult.Fail("The key is not valid.");

        var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, caller)], SchemeName);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    /// <summary>Compares hashes with all keys, so that the time says nothing about them.</summary>
    private string? CallerOf(string sent)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> other = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(sent), hash);
        string? found = null;
        foreach (var (caller, key) in options.Value.ApiKeys)
        {
            SHA256.HashData(Encoding.UTF8.GetBytes(key), other);
            if (CryptographicOperations.FixedTimeEquals(hash, other))
                found = caller;
        }
        return found;
    }
}
