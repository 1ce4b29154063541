using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>How the state of an object is written as JSON, in saved models and in checkpoints.</summary>
/// <remarks>Only settable properties are state. Computed ones are not written unless they have the attribute <see cref="JsonIncludeAttribute"/>.</remarks>
internal static class StateJson
{
    /// <param name="converters">For types that are not written property by property.</param>
    public static JsonSerializerOptions Options(params IEnumerable<JsonConverter> converters)
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LeaveOutComputed } },
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,            // Also written where a loss became infinite.
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
        };
        foreach (var converter in converters)
            options.Converters.Add(converter);
        return options;
    }

    private static void LeaveOutComputed(JsonTypeInfo type)
    {
        foreach (var property in type.Properties.Where(p => p.Set is null && !IsIncluded(p)).ToArray())
            type.Properties.Remove(property);

        static bool IsIncluded(JsonPropertyInfo property) => property.AttributeProvider?.IsDefined(typeof(JsonIncludeAttribute), true) == true;
    }
}
