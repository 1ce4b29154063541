using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.AspNetCore;
using Microsoft.ML.PTuning.AspNetCore.Diagnostics;
using Microsoft.ML.PTuning.AspNetCore.Endpoints;
using Microsoft.ML.PTuning.AspNetCore.Hosting;
using Microsoft.ML.PTuning.Serving;
using Microsoft.ML.PTuning.Serving.Models;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the service of a folder of models to an application.</summary>
public static class PTuningServiceCollectionExtensions
{
    /// <summary>The name of the rate limit's policy.</summary>
    internal const string RateLimitPolicy = "PTuning";

    /// <summary>Adds <see cref="IPTuningPredictor"/> over a folder of models, and what the endpoints of <c>MapPTuning</c> need.</summary>
    /// <remarks>
    /// The configuration's section <see cref="PTuningModelsOptions.SectionName"/> is bound first. The application does not start if an option is out of its
    /// range; the exception is an <see cref="OptionsValidationException"/> that names all of them. The OpenAPI document is called <c>ptuning</c>
    /// (<c>app.MapOpenApi()</c>), the meters <c>Microsoft.ML.PTuning.Serving</c> and <c>Microsoft.ML.PTuning.AspNetCore</c>, the source of traces
    /// <c>Microsoft.ML.PTuning.Serving</c>. At shutdown the host waits at least for <see cref="PTuningOptions.DrainTimeout"/>.
    /// </remarks>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Changes the options; null if the configuration says all.</param>
    /// <exception cref="InvalidOperationException">A silo has added a folder of models; <see cref="AddPTuningEndpoints"/> goes beside it.</exception>
    /// <example>
    /// <code>
    /// var builder = WebApplication.CreateBuilder(args);
    /// builder.Services.AddPTuning(options =&gt; options.ModelsDirectory = "models");
    /// </code>
    /// </example>
    public static IServiceCollection AddPTuning(this IServiceCollection services, Action<PTuningOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var isFirst = services.All(service => service.ServiceType != typeof(ModelFolderService));
        PTuningModelsServiceCollectionExtensions.AddModels(services, configure);
        if (isFirst)
            services.AddHealthChecks().AddCheck<FolderHealthCheck>("ptuning-models", tags: [ServingHealthCheck.ReadyTag]);
        return services.AddPTuningEndpoints();
    }

    /// <summary>
    /// Adds what the endpoints of <c>MapPTuning</c> need, over the <see cref="IPTuningPredictor"/> that something else adds: a web service in front of a
    /// cluster, which has no models of its own.
    /// </summary>
    /// <remarks>
    /// As <see cref="AddPTuning"/>. Of the options of models two count here: rows of JSON have at most <see cref="PTuningModelsOptions.MaxRowCharacters"/>,
    /// and streams at most half of <see cref="PTuningModelsOptions.QueueCapacity"/> rows on their way.
    /// </remarks>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Changes the options; null if the configuration says all.</param>
    /// <example>
    /// <code>
    /// builder.UseOrleansClient(client =&gt; client.UseLocalhostClustering().AddPTuning());
    /// builder.Services.AddPTuningEndpoints(options =&gt; options.MaxModelsPerRow = 4);
    /// </code>
    /// </example>
    public static IServiceCollection AddPTuningEndpoints(this IServiceCollection services, Action<PTuningOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        PTuningModelsServiceCollectionExtensions.BindOptions(services, configure);
        if (services.Any(service => service.ServiceType == typeof(Drain)))
            return services;

        services.AddSingleton<IValidateOptions<PTuningOptions>, PTuningOptionsValidator>();
        AddEndpoints(services);
        return services;
    }

    private static void AddEndpoints(IServiceCollection services)
    {
        services.AddSingleton<Drain>();
        services.AddHostedService<DrainService>();
        services.AddOptions<HostOptions>().PostConfigure<IOptions<PTuningOptions>>((host, options) =>
        {
            var needed = options.Value.DrainTimeout + TimeSpan.FromSeconds(10); // For what has been cancelled, and for freeing the models.
            if (host.ShutdownTimeout < needed)
                host.ShutdownTimeout = needed;
        });

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<StreamMetrics>();
        services.AddSingleton<QueueWatch>();
        services.AddSingleton<StreamGate>();
        services.AddSingleton<RowStream>();
        services.AddProblemDetails();
        services.AddOpenApi(ServingDocument.Name, ServingDocument.Configure);
        services.AddHealthChecks().AddCheck<ServingHealthCheck>("ptuning", tags: [ServingHealthCheck.ReadyTag]);
        AddKeys(services);
        services.AddRateLimiter(limiter => limiter.AddPolicy<string, CallerRateLimit>(RateLimitPolicy));
    }

    // The core alone: keys in headers need none of the keys that protect cookies. Without keys the application's own schemes stay alone.
    private static void AddKeys(IServiceCollection services)
    {
        services.AddAuthenticationCore();
        services.AddOptions<AuthenticationOptions>().Configure<IOptions<PTuningOptions>>((authentication, options) =>
        {
            if (options.Value.ApiKeys.Count > 0)
                authentication.AddScheme<ApiKeyHandler>(ApiKeyHandler.SchemeName, displayName: null);
        });
        services.AddTransient<ApiKeyHandler>();
        services.AddWebEncoders();
        services.AddAuthorization();
    }
}
