using Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>A folder of files of which one was changed.</summary>
/// <param name="Variant">The name of the folder that it was made of.</param>
/// <param name="File">The changed file, from the folder.</param>
internal sealed record Mutant(string Folder, string Variant, string File)
{
    /// <summary>Makes the mutant with a number; the same number makes the same one.</summary>
    /// <param name="seeds">The parser's folder of seeds, with a folder a variant.</param>
    /// <param name="folder">Where the mutant goes; it is not there yet.</param>
    public static Mutant Make(FuzzedParser parser, string seeds, string folder, int seed, int number, Outside outside)
    {
        var dice = new Dice(seed, parser.Name, number, outside.Paths);
        var variants = Variants(seeds);
        var variant = dice.Pick(variants);
        var file = dice.Pick(Changed(parser, variant));
        var other = dice.Pick([.. variants.SelectMany(v => Changed(parser, v)).Where(path => Path.GetExtension(path) == Path.GetExtension(file))]);

        Copy(variant, folder);
        var name = Path.GetRelativePath(variant, file);
        var changed = FileMutations.Change(file, System.IO.File.ReadAllBytes(file), System.IO.File.ReadAllBytes(other), dice);
        System.IO.File.WriteAllBytes(Path.Combine(folder, name), changed);
        return new(folder, Path.GetFileName(variant), name);
    }

    /// <summary>Makes a mutant of a case that was found: its files instead of those of the variant.</summary>
    /// <param name="found">A folder <c>VARIANT__WHAT</c>.</param>
    public static Mutant Of(string found, string seeds, string folder)
    {
        var variant = Path.GetFileName(found).Split("__")[0];
        Copy(Path.Combine(seeds, variant), folder);
        Copy(found, folder);
        return new(folder, variant, Path.GetRelativePath(found, Directory.GetFiles(found, "*", SearchOption.AllDirectories)[0]));
    }

    private static string[] Variants(string seeds) => [.. Directory.GetDirectories(seeds).Order(StringComparer.Ordinal)];

    private static string[] Changed(FuzzedParser parser, string variant) =>
        [.. parser.Files.SelectMany(name => Directory.GetFiles(variant, name, SearchOption.AllDirectories)).Order(StringComparer.Ordinal)];

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var path in Directory.GetDirectories(from, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, path)));
        foreach (var path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            System.IO.File.WriteAllBytes(Path.Combine(to, Path.GetRelativePath(from, path)), System.IO.File.ReadAllBytes(path)); // Not its mode.
    }
}
