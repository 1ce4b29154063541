using System.Reflection;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Options of one task as those of another.</summary>
internal static class OptionsConversion
{
    /// <summary>The same columns, and the same training.</summary>
    public static TOptions As<TOptions>(this PTuningV2Trainer.Options options)
        where TOptions : PTuningV2Trainer.Options, new()
    {
        var converted = options.TaskAs<TOptions>();
        Copy(options, converted, property => property.DeclaringType == typeof(TrainingOptions));
        Copy(options.Advanced, converted.Advanced, _ => true);
        return converted;
    }

    /// <summary>The same columns, and training left as it is: a task for multi-task learning.</summary>
    public static TOptions TaskAs<TOptions>(this PTuningV2Trainer.Options options)
        where TOptions : PTuningV2Trainer.Options, new()
    {
        var converted = new TOptions();
        Copy(options, converted, property => property.DeclaringType != typeof(TrainingOptions));
        return converted;
    }

    /// <summary>Sets an option by its name; a number selects layers where the option does.</summary>
    public static void Set(this PTuningV2Trainer.Options options, string option, object? value)
    {
        var property = options.GetType().GetProperty(option)!;
        property.SetValue(options, property.PropertyType == typeof(LayerSelection) && value is int count ? (LayerSelection)count : value);
    }

    private static void Copy(object from, object to, Func<PropertyInfo, bool> isCopied)
    {
        foreach (var property in to.GetType().GetProperties().Where(property => property.SetMethod?.IsPublic == true && isCopied(property)))
            if (from.GetType().GetProperty(property.Name) is { } source)
                property.SetValue(to, source.GetValue(from));
    }
}
