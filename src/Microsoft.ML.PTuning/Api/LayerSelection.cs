using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning;

/// <summary>Which layers of an encoder get a prefix: <see cref="TrainingOptions.PrefixLayers"/>.</summary>
/// <remarks>
/// A number selects so many layers from the top, and 0 selects all. Layers are numbered from 0, the lowest. Layers below the lowest selected one are
/// computed once, not in every epoch. So top layers train faster than bottom ones.
/// </remarks>
/// <example>
/// <code>
/// var options = new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", PrefixLayers = 3 }; // The top three.
/// options.PrefixLayers = LayerSelection.Bottom(3);
/// options.PrefixLayers = LayerSelection.Of(0, 2, 5);
/// </code>
/// </example>
[JsonConverter(typeof(LayerSelectionConverter))]
public readonly record struct LayerSelection
{
    private readonly int _top;
    private readonly string? _layers; // Ascending, comma-separated: structs are compared by it.

    private LayerSelection(int top, string? layers) => (_top, _layers) = (top, layers);

    /// <summary>All layers.</summary>
    public static LayerSelection All => default;

    internal int? TopCount => _layers is null ? _top : null;

    internal int[]? Layers => _layers?.Split(',').Select(layer => int.Parse(layer, CultureInfo.InvariantCulture)).ToArray();

    /// <summary>The top layers.</summary>
    /// <param name="count">How many; 0 for all. Trainers refuse a negative number.</param>
    /// <example>
    /// <code>
    /// var top = LayerSelection.Top(3);
    /// </code>
    /// </example>
    public static LayerSelection Top(int count) => new(count, null);

    /// <summary>The bottom layers.</summary>
    /// <param name="count">How many, 1 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are none.</exception>
    /// <example>
    /// <code>
    /// options.PrefixLayers = LayerSelection.Bottom(3);
    /// </code>
    /// </example>
    public static LayerSelection Bottom(int count) => Range(0, count);

    /// <summary>Consecutive layers.</summary>
    /// <param name="first">The lowest, from 0.</param>
    /// <param name="count">How many, 1 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are none, or the lowest is negative.</exception>
    /// <example>
    /// <code>
    /// var middle = LayerSelection.Range(2, 3); // Layers 2, 3 and 4.
    /// </code>
    /// </example>
    public static LayerSelection Range(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return Of([.. Enumerable.Range(first, count)]);
    }

    /// <summary>Any layers, in any order.</summary>
    /// <param name="layers">Their numbers from 0, each once.</param>
    /// <exception cref="ArgumentException">There are none, a number is negative, or one stands twice.</exception>
    /// <example>
    /// <code>
    /// options.PrefixLayers = LayerSelection.Of(0, 2, 5);
    /// </code>
    /// </example>
    public static LayerSelection Of(params int[] layers)
    {
        ArgumentNullException.ThrowIfNull(layers);
        if (layers.Length == 0 || layers.Min() < 0 || layers.Distinct().Count() != layers.Length)
            throw new ArgumentException(
                $"Expected one layer or more, numbered from 0, each once; found '{string.Join(", ", layers)}'.", nameof(layers));

        return new(0, string.Join(',', layers.Order().Select(layer => layer.ToString(CultureInfo.InvariantCulture))));
    }

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <param name="text"><c>3</c> for the top three layers, <c>0</c> for all; <c>0-2</c>, <c>0,2,5</c> or <c>4-4</c> for the layers with these numbers.</param>
    /// <exception cref="FormatException">It is something else.</exception>
    /// <example>
    /// <code>
    /// var read = LayerSelection.Parse("0-2"); // Layers 0, 1 and 2.
    /// </code>
    /// </example>
    public static LayerSelection Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            if (!text.Contains(',') && !text.Contains('-'))
                return Top(Number(text));
            return Of([.. text.Split(',').SelectMany(part => part.Split('-') is [var from, var to]
                ? Enumerable.Range(Number(from), Number(to) - Number(from) + 1)
                : [Number(part)])]);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
        {
            throw new FormatException(
                $"'{text}' selects no layers. Expected a number of top layers such as 3 (0 for all), or layers such as 0-2 or 0,2,5; layer 4 alone is 4-4.", e);
        }

        static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    /// <summary>The top layers.</summary>
    /// <param name="count">How many; 0 for all.</param>
    public static implicit operator LayerSelection(int count) => Top(count);

    /// <summary>Writes the number of top layers, or the numbers of the layers, as <see cref="Parse"/> reads them.</summary>
    /// <example>
    /// <code>
    /// var text = LayerSelection.Of(0, 2, 5).ToString(); // 0,2,5
    /// </code>
    /// </example>
    public override string ToString() => Layers switch
    {
        null => _top.ToString(CultureInfo.InvariantCulture),
        [var only] => $"{only}-{only}",
        var layers when layers[^1] - layers[0] == layers.Length - 1 => $"{layers[0]}-{layers[^1]}",
        _ => _layers!,
    };

    /// <summary>The numbers of the selected layers in an encoder, ascending.</summary>
    /// <param name="layers">Layers of the encoder, L.</param>
    internal int[] In(int layers) => Layers ?? [.. Enumerable.Range(layers - (_top == 0 ? layers : _top), _top == 0 ? layers : _top)];

    /// <returns>Why it does not fit an encoder, and what to do; null where it fits.</returns>
    internal string? FindMisfit(int layers) => _layers is null
        ? _top > layers ? $"PrefixLayers is {_top}, but the backbone has {layers} layers. Use {layers} or less, or 0 for all." : null
        : Layers![^1] >= layers ? $"PrefixLayers is {this}, but the backbone has the layers 0 to {layers - 1}. Select among these." : null;
}

/// <summary>Writes a number of top layers as that number, and other layers as an array.</summary>
internal sealed class LayerSelectionConverter : JsonConverter<LayerSelection>
{
    public override LayerSelection Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number ? reader.GetInt32() : LayerSelection.Of(JsonSerializer.Deserialize<int[]>(ref reader, options)!);

    public override void Write(Utf8JsonWriter writer, LayerSelection value, JsonSerializerOptions options)
    {
        if (value.TopCount is { } count)
            writer.WriteNumberValue(count);
        else
            JsonSerializer.Serialize(writer, value.Layers, options);
    }
}
