using System.Runtime.CompilerServices;

namespace Microsoft.ML.PTuning;

/// <summary>The names of the options that the caller has set, be it to their defaults.</summary>
/// <remarks>A task of multi-task learning may set none of those that hold for all tasks: they would be ignored.</remarks>
internal sealed class ChosenOptions
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    public IEnumerable<string> Names => _names.Order(StringComparer.Ordinal);

    public bool Has(string name) => _names.Contains(name);

    public void Set<T>(ref T option, T value, [CallerMemberName] string name = "")
    {
        option = value;
        _names.Add(name);
    }

    public ChosenOptions Copy()
    {
        var copy = new ChosenOptions();
        copy._names.UnionWith(_names);
        return copy;
    }
}
