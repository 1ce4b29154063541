using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.AspNetCore.Endpoints;

namespace Microsoft.ML.PTuning.AspNetCore.Hosting;

/// <summary>A bucket of tokens per caller: by the name of its key, else by its address.</summary>
internal sealed class CallerRateLimit(IOptions<PTuningOptions> options) : IRateLimiterPolicy<string>
{
    private static readonly object s_counted = new();

    public Func<OnRejectedContext, CancellationToken, ValueTask> OnRejected => RefuseAsync;

    /// <summary>Whether ASP.NET's middleware has counted the request.</summary>
    public static bool HasCounted(HttpContext context) => context.Items.ContainsKey(s_counted);

    public RateLimitPartition<string> GetPartition(HttpContext httpContext)
    {
        httpContext.Items[s_counted] = true;
        var limit = options.Value.RateLimit!;
        var caller = httpContext.User.Identity?.Name is { } name ? $"key {name}" : $"address {httpContext.Connection.RemoteIpAddress}";
        return RateLimitPartition.GetTokenBucketLimiter(caller, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = limit.Requests,
            TokensPerPeriod = limit.Requests,
            ReplenishmentPeriod = limit.Period,
            QueueLimit = 0,
        });
    }

    private async ValueTask RefuseAsync(OnRejectedContext context, CancellationToken cancellationToken)
    {
        var limit = options.Value.RateLimit!;
        var wait = context.Lease.TryGetMetadata(MetadataName.RetryAfter, out var time) ? time : limit.Period;
        await Problems.WriteAsync(context.HttpContext, Problems.Create(
            StatusCodes.Status429TooManyRequests, "too-many-requests", "Too many requests.",
            FormattableString.Invariant($"A caller may make {limit.Requests} requests per {limit.Period.TotalSeconds} s."),
            retryAfter: wait)).ConfigureAwait(false);
    }
}
