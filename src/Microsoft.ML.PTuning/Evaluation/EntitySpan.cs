using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Microsoft.ML.PTuning;

/// <summary>An entity as a piece of its text: the characters [Start, End).</summary>
/// <remarks>As text it is brat's standoff form (Stenetorp et al. 2012): type, start and end with a space between them, <c>PER 0 5</c>.</remarks>
public readonly record struct EntitySpan
{
    /// <summary>Creates an entity; nothing is checked.</summary>
    /// <param name="type">Its type; see <see cref="Type"/>.</param>
    /// <param name="start">Its first character, from 0.</param>
    /// <param name="end">The character after its last.</param>
    /// <example>
    /// <code>
    /// var span = new EntitySpan("CITY", 20, 24); // Of "I will visit you in Oslo."
    /// string label = span.ToString(); // "CITY 20 24"
    /// </code>
    /// </example>
    public EntitySpan(string type, int start, int end) => (Type, Start, End) = (type, start, end);

    /// <summary>Its type: <c>PER</c>, <c>LOC</c>. It may contain spaces, but not at its ends.</summary>
    public string Type { get; }

    /// <summary>Its first character, from 0.</summary>
    public int Start { get; }

    /// <summary>The character after its last.</summary>
    public int End { get; }

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">The text does not have that form, or the span is empty.</exception>
    /// <example>
    /// <code>
    /// var span = EntitySpan.Parse("CITY 20 24");
    /// Console.WriteLine($"{span.Type}: {text[span.Start..span.End]}");
    /// </code>
    /// </example>
    public static EntitySpan Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out var span)
            ? span
            : throw new FormatException(
                $"Expected an entity as type, start and end with a space between them, 0 <= start < end, such as 'PER 0 5'; found '{text}'.");
    }

    /// <summary>Reads what <see cref="ToString"/> writes; returns false if the text does not have that form.</summary>
    /// <example>
    /// <code>
    /// if (!EntitySpan.TryParse(line, out var span))
    ///     Console.WriteLine($"'{line}' is not a type, a start and an end, such as 'CITY 20 24'.");
    /// </code>
    /// </example>
    public static bool TryParse([NotNullWhen(true)] string? text, out EntitySpan span)
    {
        span = default;
        var second = text?.LastIndexOf(' ') ?? -1;
        var first = second > 0 ? text!.LastIndexOf(' ', second - 1) : -1;
        if (first <= 0 || !TryRead(text.AsSpan(first + 1, second - first - 1), out var start) || !TryRead(text.AsSpan(second + 1), out var end))
            return false;

        var type = text![..first];
        if (start >= end || type.Trim().Length != type.Length)
            return false;
        span = new EntitySpan(type, start, end);
        return true;
    }

    /// <summary>Writes type, start and end: <c>PER 0 5</c>.</summary>
    /// <inheritdoc cref="EntitySpan(string, int, int)" path="/example"/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Type} {Start} {End}");

    private static bool TryRead(ReadOnlySpan<char> digits, out int number) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
