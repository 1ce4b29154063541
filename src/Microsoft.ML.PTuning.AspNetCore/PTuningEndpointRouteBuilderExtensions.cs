using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.AspNetCore;
using Microsoft.ML.PTuning.AspNetCore.Endpoints;
using Microsoft.ML.PTuning.AspNetCore.Hosting;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps the endpoints of a folder of models.</summary>
public static class PTuningEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps <c>GET /models</c>, <c>GET /models/{model}</c>, <c>POST /predict/{model}</c> (a row as JSON, or rows as NDJSON) and <c>POST /predict</c> (one
    /// row, several models).
    /// </summary>
    /// <remarks>
    /// Requests need a key if <see cref="PTuningOptions.ApiKeys"/> has any. With <see cref="PTuningOptions.RateLimit"/> the application calls
    /// <c>app.UseRateLimiter()</c> before.
    /// </remarks>
    /// <param name="endpoints">The application, or a group of it with a prefix.</param>
    /// <returns>The endpoints, for conventions of the application.</returns>
    /// <exception cref="InvalidOperationException">Neither <c>AddPTuning</c> nor <c>AddPTuningEndpoints</c> of the web service was called.</exception>
    /// <exception cref="OptionsValidationException">An option is out of its range.</exception>
    /// <example>
    /// <code>
    /// var app = builder.Build();
    /// app.UseRateLimiter(); // Where PTuning:RateLimit is set.
    /// app.MapPTuning();
    /// app.MapPTuningHealthChecks();
    /// app.MapOpenApi(); // /openapi/ptuning.json
    /// app.Run();
    /// </code>
    /// </example>
    public static IEndpointConventionBuilder MapPTuning(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        if (endpoints.ServiceProvider.GetService<IPTuningPredictor>() is null || endpoints.ServiceProvider.GetService<Drain>() is null)
            throw new InvalidOperationException(
                "The services of MapPTuning are missing. Call builder.Services.AddPTuning() for a folder of models, or AddPTuningEndpoints() beside the "
                + "client of a cluster.");

        var options = endpoints.ServiceProvider.GetRequiredService<IOptions<PTuningOptions>>().Value;
        var group = endpoints.MapGroup("")
            .WithTags("P-Tuning")
            .WithMetadata(new ServingEndpoint())
            .AddEndpointFilter<RouteGroupBuilder, RequestFilter>()
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        if (options.ApiKeys.Count > 0)
            group.RequireAuthorization(new AuthorizationPolicyBuilder(ApiKeyHandler.SchemeName).RequireAuthenticatedUser().Build())
                .ProducesProblem(StatusCodes.Status401Unauthorized);
        if (options.RateLimit is not null)
            group.RequireRateLimiting(PTuningServiceCollectionExtensions.RateLimitPolicy).ProducesProblem(StatusCodes.Status429TooManyRequests);
        ModelEndpoints.Map(group);
        PredictEndpoints.Map(group);
        return group;
    }

    /// <summary>
    /// Maps <c>GET /health/live</c>, which says that the process answers, and <c>GET /health/ready</c>, which runs the health checks tagged <c>ready</c>:
    /// the folder can be read, and the application does not shut down. They need no key.
    /// </summary>
    /// <param name="endpoints">The application, or a group of it with a prefix.</param>
    /// <returns>The endpoints, for conventions of the application.</returns>
    /// <example>
    /// <code>
    /// app.MapPTuningHealthChecks().DisableHttpMetrics();
    /// </code>
    /// </example>
    public static IEndpointConventionBuilder MapPTuningHealthChecks(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var group = endpoints.MapGroup("/health");
        group.MapHealthChecks("/live", new HealthCheckOptions { Predicate = _ => false });
        group.MapHealthChecks("/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains(ServingHealthCheck.ReadyTag) });
        return group;
    }
}
