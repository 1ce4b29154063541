using System.Globalization;
using System.Reflection;
using Microsoft.ML.SearchSpace;

namespace Microsoft.ML.PTuning.Sweeps;

/// <summary>An option that a sweep varies, and its values.</summary>
/// <param name="Option">A property of the options class.</param>
internal abstract record SearchAxis(PropertyInfo Option)
{
    public string Name => Option.Name;

    /// <summary>The search space that an option carries; null if it carries none.</summary>
    public static SearchAxis? Of(PropertyInfo option)
    {
        if (option.GetCustomAttribute<RangeAttribute>() is { } range)
            return new RangeAxis(option, Number(range.Min), Number(range.Max), range.LogBase);
        if (option.GetCustomAttribute<ChoiceAttribute>() is { } choice)
            return new ValuesAxis(option, choice.Candidates);
        return option.IsDefined(typeof(BooleanChoiceAttribute)) ? new ValuesAxis(option, [false, true]) : null;
    }

    /// <summary>A random value.</summary>
    public abstract object Draw(Random random);

    /// <summary>The values of a grid.</summary>
    /// <param name="steps">How many, if the option has a range.</param>
    public abstract IReadOnlyList<object> Steps(int steps);

    private static double Number(object bound) => Convert.ToDouble(bound, CultureInfo.InvariantCulture);
}

/// <summary>An option with a list of values.</summary>
internal sealed record ValuesAxis(PropertyInfo Option, IReadOnlyList<object> Values) : SearchAxis(Option)
{
    public override object Draw(Random random) => Values[random.Next(Values.Count)];

    public override IReadOnlyList<object> Steps(int steps) => Values;
}

/// <summary>A number between two bounds, which belong to it.</summary>
/// <param name="IsLogarithmic">Whether the logarithms of the values are spread evenly, rather than the values.</param>
internal sealed record RangeAxis(PropertyInfo Option, double Least, double Most, bool IsLogarithmic) : SearchAxis(Option)
{
    public override object Draw(Random random) => At(random.NextDouble());

    public override IReadOnlyList<object> Steps(int steps) =>
        steps == 1 ? [At(0.5)] : [.. Enumerable.Range(0, steps).Select(step => At(step / (steps - 1.0))).Distinct()];

    /// <param name="position">From 0 to 1.</param>
    private object At(double position)
    {
        var value = IsLogarithmic ? Least * Math.Pow(Most / Least, position) : Least + position * (Most - Least);
        if (Option.PropertyType == typeof(int))
            return (int)Math.Round(value);

        // Three digits tell values apart and can be copied; rounding must not leave the range.
        return Math.Clamp(double.Parse(value.ToString("G3", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture), Least, Most);
    }
}
