using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>What System.Text.Json writes of an object: its state.</summary>
/// <remarks>Only settable properties are state. Computed ones are not written unless they have the attribute <see cref="JsonIncludeAttribute"/>.</remarks>
internal static class StateResolver
{
    public static DefaultJsonTypeInfoResolver Create() => new() { Modifiers = { LeaveOutComputed } };

    private static void LeaveOutComputed(JsonTypeInfo type)
    {
        foreach (var property in type.Properties.Where(p => p.Set is null && !IsIncluded(p)).ToArray())
            type.Properties.Remove(property);

        static bool IsIncluded(JsonPropertyInfo property) => property.AttributeProvider?.IsDefined(typeof(JsonIncludeAttribute), true) == true;
    }
}
