using System.Runtime.CompilerServices;

// ML.NET opens its model format (LoadableClass, ModelLoadContext, VersionInfo) to its own assemblies only. This is the run-time half of
// our access to it; the compile-time half is an allow-list in the project file, checked at every build. Two guards stand behind it:
// a test that loads a model in a process naming only MLContext, and SaveTo/LoadFrom, which need none of this.
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Core")]
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Data")]

namespace System.Runtime.CompilerServices;

/// <summary>Honoured by the runtime, by name: lets this assembly use internals of <paramref name="assemblyName"/>.</summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class IgnoresAccessChecksToAttribute(string assemblyName) : Attribute
{
    public string AssemblyName { get; } = assemblyName;
}
