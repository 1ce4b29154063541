using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.Serving;
using Microsoft.ML.PTuning.Serving.Diagnostics;
using Microsoft.ML.PTuning.Serving.Hosting;
using Microsoft.ML.PTuning.Serving.Models;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the models of a folder to an application.</summary>
public static class PTuningModelsServiceCollectionExtensions
{
    /// <summary>Adds <see cref="IPTuningPredictor"/> over a folder of models.</summary>
    /// <remarks>
    /// The configuration's section <see cref="PTuningModelsOptions.SectionName"/> is bound first. The application does not start if an option is out of
    /// its range; the exception is an <see cref="OptionsValidationException"/> that names all of them. The meter and the source of traces are called
    /// <c>Microsoft.ML.PTuning.Serving</c>.
    /// </remarks>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Changes the options; null if the configuration says all.</param>
    /// <exception cref="InvalidOperationException">The web service or a silo has added a folder of models.</exception>
    /// <example>
    /// <code>
    /// var builder = Host.CreateApplicationBuilder(args);
    /// builder.Services.AddPTuningModels(options =&gt; options.ModelsDirectory = "models");
    /// </code>
    /// </example>
    public static IServiceCollection AddPTuningModels(this IServiceCollection services, Action<PTuningModelsOptions>? configure = null) =>
        AddModels(services, configure);

    /// <typeparam name="TOptions">The options of models, with others that the caller has.</typeparam>
    internal static IServiceCollection AddModels<TOptions>(IServiceCollection services, Action<TOptions>? configure)
        where TOptions : PTuningModelsOptions
    {
        ArgumentNullException.ThrowIfNull(services);
        var isFirst = IsFirst<TOptions>(services);
        BindOptions(services, configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<TOptions>, ModelsOptionsValidator<TOptions>>());
        if (!isFirst)
            return services;

        services.AddSingleton(new ModelsOptionsType(typeof(TOptions)));
        if (typeof(TOptions) != typeof(PTuningModelsOptions))
            services.AddSingleton<IOptions<PTuningModelsOptions>>(provider => provider.GetRequiredService<IOptions<TOptions>>());
        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton<ServingMetrics>();
        services.AddSingleton<ServingContext>();
        services.AddSingleton<Predictors>();
        services.AddSingleton<ModelLoader>();
        services.AddSingleton(provider => new ModelFiles(
            ModelsDirectory.Of(provider.GetRequiredService<IOptions<PTuningModelsOptions>>().Value, provider.GetRequiredService<IHostEnvironment>())));
        services.AddSingleton<ModelStore>();
        services.AddSingleton<FolderPredictor>();
        services.TryAddSingleton<IPTuningPredictor>(provider => provider.GetRequiredService<FolderPredictor>());
        services.AddSingleton<ModelFolderService>();
        services.AddHostedService(provider => provider.GetRequiredService<ModelFolderService>());
        return services;
    }

    // One host has one folder of models, and so one set of options.
    private static bool IsFirst<TOptions>(IServiceCollection services)
    {
        var known = services.Select(service => service.ServiceType == typeof(ModelsOptionsType) ? service.ImplementationInstance : null)
            .OfType<ModelsOptionsType>().SingleOrDefault();
        if (known is not null && known.Type != typeof(TOptions))
            throw new InvalidOperationException(
                $"This host has a folder of models already, with {known.Type.Name}; it cannot have another one with {typeof(TOptions).Name}. Call one of "
                + "AddPTuningModels, AddPTuning of the web service and AddPTuning of a silo. For a web service beside a silo call AddPTuningEndpoints.");
        return known is null;
    }

    private sealed record ModelsOptionsType(Type Type);

    /// <summary>Binds options to the configuration, once, before code changes them.</summary>
    internal static void BindOptions<TOptions>(IServiceCollection services, Action<TOptions>? configure)
        where TOptions : class
    {
        if (services.All(service => service.ServiceType != typeof(IOptionsChangeTokenSource<TOptions>))) // Binding adds one.
            services.AddOptions<TOptions>().BindConfiguration(PTuningModelsOptions.SectionName).ValidateOnStart();
        if (configure is not null)
            services.Configure(configure);
    }
}
