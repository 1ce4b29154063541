using Microsoft.ML.PTuning.Build;

// Program NAME REFERENCES OUTPUT MEMBER...   REFERENCES: a file that lists the compiler's references, one path a line.
if (args.Length < 4)
{
    Console.Error.WriteLine("error FRIEND001: usage: NAME REFERENCES OUTPUT MEMBER...");
    return 2;
}

var (name, references, output, members) = (args[0], args[1], args[2], args[3..].ToHashSet());
var source = File.ReadLines(references).FirstOrDefault(path => Path.GetFileNameWithoutExtension(path) == name);
if (source is null)
{
    Console.Error.WriteLine($"error FRIEND002: '{name}' is not among the compiler's references.");
    return 1;
}

var (missing, image) = FriendReference.Open(source, members);
if (missing.Count > 0)
{
    Console.Error.WriteLine($"error FRIEND003: {source} no longer has {string.Join(", ", missing)}; see Interop/FriendAccess.cs.");
    return 1;
}

Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(output))!);
File.WriteAllBytes(output, image);
return 0;
