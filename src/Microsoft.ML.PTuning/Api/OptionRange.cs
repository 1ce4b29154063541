using System.Runtime.CompilerServices;

namespace Microsoft.ML.PTuning;

/// <summary>Checks of options, which refuse a value by the option's name.</summary>
internal static class OptionRange
{
    public static void AtLeast(int value, int least, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value < least)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {least} or more.");
    }

    public static void From(double value, double least, double below, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (!(value >= least && value < below))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least {least} and less than {below}.");
    }

    public static void Defined<T>(T value, [CallerArgumentExpression(nameof(value))] string name = "")
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be one of {string.Join(", ", Enum.GetNames<T>())}.");
    }

    /// <exception cref="ArgumentException">The column has no name.</exception>
    public static void Named(string? column, [CallerArgumentExpression(nameof(column))] string name = "") =>
        ArgumentException.ThrowIfNullOrEmpty(column, name);

    /// <summary>The same for a column that may be left out (null).</summary>
    /// <exception cref="ArgumentException">The column's name is empty.</exception>
    public static void NamedOrNull(string? column, [CallerArgumentExpression(nameof(column))] string name = "")
    {
        if (column is not null)
            ArgumentException.ThrowIfNullOrEmpty(column, name);
    }
}
