using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.AspNetCore;
using Microsoft.ML.PTuning.AspNetCore.Diagnostics;
using Microsoft.ML.PTuning.AspNetCore.Endpoints;
using Microsoft.ML.PTuning.AspNetCore.Hosting;
using Microsoft.ML.PTuning.AspNetCore.Models;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the service of a folder of models to an application.</summary>
public static class PTuningServiceCollectionExtensions
{
    /// <summary>The name of the rate limit's policy.</summary>
    internal const string RateLimitPolicy = "PTuning";

    /// <summary>Adds <see cref="IPTuningPredictor"/> over a folder of models, and what the endpoints of <c>MapPTuning</c> need.</summary>
    /// <remarks>
    /// The configuration's section <see cref="PTuningOptions.SectionName"/> is bound first. The application does not start if an option is out of its
    /// range; the exception is an <see cref="OptionsValidationException"/> that names all of them. The OpenAPI document is called <c>ptuning</c>
    /// (<c>app.MapOpenApi()</c>), the meter and the source of traces <c>Microsoft.ML.PTuning.AspNetCore</c>. At shutdown the host waits at least for
    /// <see cref="PTuningOptions.DrainTimeout"/>.
    /// </remarks>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Changes the options; null if the configuration says all.</param>
    /// <example>
    /// <code>
    /// var builder = WebApplication.CreateBuilder(args);
    /// builder.Services.AddPTuning(options =&gt; options.ModelsDirectory = "models");
    /// </code>
    /// </example>
    public static IServiceCollection AddPTuning(this IServiceCollection services, Action<PTuningOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var isFirst = services.All(service => service.ServiceType != typeof(IPTuningPredictor));
        if (isFirst)
            services.AddOptions<PTuningOptions>().BindConfiguration(PTuningOptions.SectionName).ValidateOnStart();
        if (configure is not null)
            services.Configure(configure);
        if (!isFirst)
            return services;

        services.AddSingleton<IValidateOptions<PTuningOptions>, PTuningOptionsValidator>();
        AddModels(services);
        AddEndpoints(services);
        return services;
    }

    private static void AddModels(IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton<ServingMetrics>();
        services.AddSingleton<ServingContext>();
        services.AddSingleton<Predictors>();
        services.AddSingleton<ModelLoader>();
        services.AddSingleton(provider => new ModelFiles(PTuningOptionsValidator.ModelsDirectoryOf(
            provider.GetRequiredService<IOptions<PTuningOptions>>().Value, provider.GetRequiredService<IHostEnvironment>())));
        services.AddSingleton<ModelStore>();
        services.AddSingleton<IPTuningPredictor, FolderPredictor>();
        services.AddSingleton<ModelFolderService>();
        services.AddHostedService(provider => provider.GetRequiredService<ModelFolderService>());
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
