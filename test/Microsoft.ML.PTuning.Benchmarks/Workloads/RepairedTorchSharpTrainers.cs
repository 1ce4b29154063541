using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Microsoft.ML.TorchSharp as it can train over TorchSharp 0.107: with four instructions of its code replaced, in memory.</summary>
/// <remarks>
/// <para>
/// The package was built against TorchSharp 0.102.7, which no registry need hold. It initializes weights by
/// <c>using (torch.nn.init.normal_(layer.weight)) { }</c>. A layer of that version gave out a new handle of its weight each time, and disposing of it
/// did no harm. Linear and Conv1d of 0.107 give out the weight itself: it is disposed of, leaves the module's state without a word, and the published
/// weights no longer fit ("Mismatched state_dict sizes", dotnet/machinelearning issue 7350).
/// </para>
/// <para>
/// The package is compiled against but not deployed; this loads it without the four calls of Dispose. The project copies the file as it is published to
/// <see cref="PublishedFile"/>.
/// </para>
/// </remarks>
internal static class RepairedTorchSharpTrainers
{
    private const string PackageName = "Microsoft.ML.TorchSharp";

    private const string InitializersType = "ModelUtils", InitializersPrefix = "Init";
    private const int Initializers = 4;

    private const byte Callvirt = 0x6F, Pop = 0x26, Nop = 0x00;
    private const int CallSize = 5; // The instruction and the method's token.

    /// <summary>The package's assembly as it is published.</summary>
    public static string PublishedFile { get; } = Path.Combine(AppContext.BaseDirectory, "as-published", $"{PackageName}.dll");

    // Before any code that names the package's types is compiled.
    [ModuleInitializer]
    internal static void LoadWhenAsked() => AssemblyLoadContext.Default.Resolving += Load;

    private static Assembly? Load(AssemblyLoadContext context, AssemblyName name) =>
        name.Name == PackageName ? context.LoadFromStream(new MemoryStream(Repair(File.ReadAllBytes(PublishedFile)))) : null;

    /// <summary>Takes the call of Dispose out of each initializer's finally block.</summary>
    /// <exception cref="InvalidOperationException">Its code is another: of another version, which may need no repair.</exception>
    private static byte[] Repair(byte[] assembly)
    {
        using var file = new PEReader(new MemoryStream(assembly, writable: false));
        var metadata = file.GetMetadataReader();
        var finals = from type in metadata.TypeDefinitions.Select(metadata.GetTypeDefinition)
                     where metadata.GetString(type.Name) == InitializersType
                     from method in type.GetMethods().Select(metadata.GetMethodDefinition)
                     where metadata.GetString(method.Name).StartsWith(InitializersPrefix, StringComparison.Ordinal)
                     let body = file.GetMethodBody(method.RelativeVirtualAddress)
                     from region in body.ExceptionRegions
                     where region.Kind == ExceptionRegionKind.Finally
                     select CodeOf(body, method.RelativeVirtualAddress) + region.HandlerOffset;
        int[] starts = [.. finals];
        if (starts.Length != Initializers)
            throw new InvalidOperationException($"Expected {Initializers} initializers of weights that dispose in {PublishedFile}, found {starts.Length}.");

        foreach (var start in starts)
        {
            var call = assembly.AsSpan(start).IndexOf(Callvirt);
            assembly.AsSpan(start + call, CallSize).Fill(Nop);
            assembly[start + call] = Pop;
        }
        return assembly;

        // Where a method's instructions begin in the file.
        int CodeOf(MethodBodyBlock body, int address)
        {
            var section = file.PEHeaders.SectionHeaders[file.PEHeaders.GetContainingSectionIndex(address)];
            var start = address - section.VirtualAddress + section.PointerToRawData;
            return start + assembly.AsSpan(start, body.Size).IndexOf(body.GetILBytes());
        }
    }
}
