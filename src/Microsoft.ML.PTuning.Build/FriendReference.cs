using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Microsoft.ML.PTuning.Build;

/// <summary>A copy of a reference assembly, for the compiler only, in which an allow-list of internals is public.</summary>
/// <remarks>
/// Flags are patched in place in the metadata tables (ECMA-335 II.22), so the copy keeps the identity, rows and tokens of the
/// original, which is the one that runs. A listed name that no longer exists is an error: the build stops before a user could.
/// </remarks>
internal sealed class FriendReference
{
    // TypeDef rows begin with Flags (4 bytes); MethodDef rows with RVA (4) and ImplFlags (2), then Flags (2); Field rows with Flags (2).
    private const int TypeFlags = 0, MethodFlags = 6, FieldFlags = 0;

    private readonly byte[] _image;
    private readonly MetadataReader _metadata;
    private readonly int _metadataStart;
    private readonly HashSet<string> _unmatched;
    private readonly IReadOnlySet<string> _members;

    private FriendReference(byte[] image, PEReader reader, IReadOnlySet<string> members)
    {
        _image = image;
        _metadata = reader.GetMetadataReader();
        _metadataStart = reader.PEHeaders.MetadataStartOffset;
        _members = members;
        _unmatched = [.. members];
    }

    /// <summary>Writes the copy of a reference.</summary>
    /// <param name="references">A file that lists the compiler's references, one path a line.</param>
    /// <exception cref="InvalidDataException">There is no such reference, or it lacks a member.</exception>
    public static void Write(string name, string references, string output, IReadOnlySet<string> members)
    {
        var source = File.ReadLines(references).FirstOrDefault(path => Path.GetFileNameWithoutExtension(path) == name)
            ?? throw new InvalidDataException($"'{name}' is not among the compiler's references.");
        var (missing, image) = Open(source, members);
        if (missing.Count > 0)
            throw new InvalidDataException($"{source} no longer has {string.Join(", ", missing)}; see Interop/FriendAccess.cs.");

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(output))!);
        File.WriteAllBytes(output, image);
    }

    /// <param name="source">The reference assembly.</param>
    /// <param name="members">What to open: <c>Namespace.Type</c> or <c>Namespace.Type::Member</c>; nested types with <c>+</c>.</param>
    /// <returns>The names of <paramref name="members"/> that the assembly does not have, and the image of the copy.</returns>
    private static (IReadOnlyCollection<string> Missing, byte[] Image) Open(string source, IReadOnlySet<string> members)
    {
        var image = File.ReadAllBytes(source);
        using var reader = new PEReader(new MemoryStream(image));
        var copy = new FriendReference(image, reader, members);
        foreach (var type in copy._metadata.TypeDefinitions)
            copy.OpenType(type);
        return (copy._unmatched, image);
    }

    private void OpenType(TypeDefinitionHandle handle)
    {
        var name = FullName(handle);
        if (!_members.Any(m => m == name || m.StartsWith(name + "::", StringComparison.Ordinal)))
            return;

        _unmatched.Remove(name);
        var type = _metadata.GetTypeDefinition(handle);
        var isPublic = type.GetDeclaringType().IsNil ? TypeAttributes.Public : TypeAttributes.NestedPublic;
        Patch(TableIndex.TypeDef, handle, TypeFlags, (int)TypeAttributes.VisibilityMask, (int)isPublic);

        foreach (var method in type.GetMethods())
            if (IsListed(name, _metadata.GetMethodDefinition(method).Name))
                Patch(TableIndex.MethodDef, method, MethodFlags, (int)MethodAttributes.MemberAccessMask, (int)MethodAttributes.Public);
        foreach (var field in type.GetFields())
            if (IsListed(name, _metadata.GetFieldDefinition(field).Name))
                Patch(TableIndex.Field, field, FieldFlags, (int)FieldAttributes.FieldAccessMask, (int)FieldAttributes.Public);
    }

    private bool IsListed(string type, StringHandle member)
    {
        var key = $"{type}::{_metadata.GetString(member)}";
        _unmatched.Remove(key);
        return _members.Contains(key);
    }

    private string FullName(TypeDefinitionHandle handle)
    {
        var type = _metadata.GetTypeDefinition(handle);
        var name = _metadata.GetString(type.Name);
        if (!type.GetDeclaringType().IsNil)
            return $"{FullName(type.GetDeclaringType())}+{name}";
        var space = _metadata.GetString(type.Namespace);
        return space.Length == 0 ? name : $"{space}.{name}";
    }

    private void Patch(TableIndex table, EntityHandle row, int column, int mask, int value)
    {
        var offset = _metadataStart + _metadata.GetTableMetadataOffset(table)
            + (MetadataTokens.GetRowNumber(row) - 1) * _metadata.GetTableRowSize(table) + column;
        var flags = BitConverter.ToUInt16(_image, offset);
        BitConverter.TryWriteBytes(_image.AsSpan(offset), (ushort)((flags & ~mask) | value));
    }
}
