using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning.Sweeps;

/// <summary>Options as JSON, by which a trial is found again: numbers, texts, choices, truth values, layers, method, verbalizer and how texts are written.</summary>
internal static class OptionsRecord
{
    private static readonly JsonSerializerOptions s_json = new() { Converters = { new JsonStringEnumConverter() } };

    public static JsonObject Of(PTuningV2Trainer.Options options)
    {
        var json = new JsonObject();
        Add(json, "", options);
        Add(json, $"{nameof(options.Advanced)}.", options.Advanced);
        return json;
    }

    /// <summary>Sets an option to a value, which may be of another type of number.</summary>
    public static void Set(PTuningV2Trainer.Options options, PropertyInfo option, object value)
    {
        var type = Nullable.GetUnderlyingType(option.PropertyType) ?? option.PropertyType;
        option.SetValue(options, type.IsInstanceOfType(value) ? value : Convert.ChangeType(value, type, CultureInfo.InvariantCulture));
    }

    private static void Add(JsonObject json, string prefix, object options)
    {
        var settable = options.GetType().GetProperties().Where(option => option.SetMethod?.IsPublic == true);
        foreach (var option in settable.OrderBy(option => option.Name, StringComparer.Ordinal))
        {
            var type = Nullable.GetUnderlyingType(option.PropertyType) ?? option.PropertyType;
            var value = option.GetValue(options);
            if (type.IsEnum)
                json[prefix + option.Name] = value?.ToString();
            else if (type.IsPrimitive || type == typeof(string))
                json[prefix + option.Name] = value is null ? null : JsonValue.Create(value);
            else if (value is LayerSelection or TuningMethod or GenerationSettings)
                json[prefix + option.Name] = JsonSerializer.SerializeToNode(value, type, s_json);
            else if (value is Verbalizer verbalizer)
                json[prefix + option.Name] = JsonSerializer.SerializeToNode(verbalizer.Classes.ToDictionary(name => name, name => verbalizer[name]));
        }
    }
}
