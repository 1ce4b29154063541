using Microsoft.ML.PTuning.Build;

// Program friend-reference NAME REFERENCES OUTPUT MEMBER...   REFERENCES: a file that lists the compiler's references, one path a line.
// Program encoder ASSEMBLY FOLDER SHA256                      ASSEMBLY: a DLL with an encoder in its resources; SHA256: of the weights it must give.
try
{
    switch (args)
    {
        case ["friend-reference", var name, var references, var output, .. { Length: > 0 } members]:
            FriendReference.Write(name, references, output, members.ToHashSet());
            return 0;
        case ["encoder", var assembly, var folder, var sha256]:
            EncoderFolder.LayOut(assembly, folder, sha256);
            return 0;
        default:
            Console.Error.WriteLine("error PTBUILD001: usage: friend-reference NAME REFERENCES OUTPUT MEMBER... | encoder ASSEMBLY FOLDER SHA256");
            return 2;
    }
}
catch (Exception e) when (e is InvalidDataException or BadImageFormatException or IOException)
{
    Console.Error.WriteLine($"error PTBUILD002: {e.Message}");
    return 1;
}
