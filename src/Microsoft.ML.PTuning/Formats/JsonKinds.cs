using System.Reflection;
using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>The kinds of an abstract type, as its attributes <see cref="JsonDerivedTypeAttribute"/> name them in files.</summary>
internal static class JsonKinds
{
    /// <returns>A kind's name to its type.</returns>
    public static IReadOnlyDictionary<string, Type> Of<T>() => typeof(T).GetCustomAttributes<JsonDerivedTypeAttribute>(inherit: false)
        .ToDictionary(derived => (string)derived.TypeDiscriminator!, derived => derived.DerivedType);
}
