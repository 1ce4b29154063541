using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>A program that is compiled against ML.NET only, with our assemblies deployed beside it: what loads a saved model in production.</summary>
internal static class SecondProcess
{
    /// <summary>The program's assembly, run by <c>dotnet</c>.</summary>
    public static string Program { get; } = Metadata("SecondProcess.Program");

    /// <summary>The folder that the repository is in.</summary>
    public static string Repository => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Project)!, "..", ".."));

    private static string Project { get; } = Metadata("SecondProcess.Project");

    /// <summary>Runs the program: <c>MODEL DATA.tsv [BACKBONE-DIRECTORY]</c>, or <c>MODEL DATA.idv SCORED.idv TASK</c>.</summary>
    public static Result Run(params string[] args) => Start("dotnet", [Program, .. args]);

    /// <summary>Publishes the program as a single file, then runs that.</summary>
    /// <param name="folder">An empty folder to build and publish in.</param>
    public static Result RunSingleFile(string folder, params string[] args)
    {
        var published = Path.Combine(folder, "published");
        var publish = Start(
            "dotnet",
            ["publish", Project, "-c", "Release", "-v", "q", "-nologo", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "false",
             "-p:PublishSingleFile=true", "-p:CreateHardLinksForPublishFilesIfPossible=true",
             "--artifacts-path", Path.Combine(folder, "artifacts"), "-o", published]);
        if (publish.ExitCode != 0)
            return publish;

        return Start(Path.Combine(published, Path.GetFileNameWithoutExtension(Program) + (OperatingSystem.IsWindows() ? ".exe" : "")), args);
    }

    private static Result Start(string program, IEnumerable<string> args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args)
        {
            WorkingDirectory = Path.GetDirectoryName(Project), // where dotnet finds global.json
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Result(process.ExitCode, output, errors.Result);
    }

    private static string Metadata(string key) =>
        typeof(SecondProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;

    public sealed record Result(int ExitCode, string Output, string Errors);
}
