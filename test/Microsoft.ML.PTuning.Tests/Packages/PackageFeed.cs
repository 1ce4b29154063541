using System.Diagnostics;
using System.Reflection;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Packages;

/// <summary>The library's packages, packed into a folder, for projects that reference them.</summary>
internal sealed class PackageFeed : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public PackageFeed()
    {
        foreach (var project in (string[])["Microsoft.ML.PTuning", "Microsoft.ML.PTuning.Backbone.MiniLM", "Microsoft.ML.PTuning.Plots"])
            Dotnet(SecondProcess.Repository, "pack", Path.Combine("src", project), "-c", "Release", "-v", "q", "-nologo", "-o", File("feed"));
    }

    public static string Version { get; } = typeof(PTuningV2Trainer).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>The properties with which a project finds the packages. A source need not have the very versions that packages of ML.NET ask for.</summary>
    public IReadOnlyList<(string Name, string Value)> Properties =>
        [("RestorePackagesPath", File("packages")), ("RestoreAdditionalProjectSources", File("feed")), ("NoWarn", "NU1603")];

    public string File(string name) => _folder.File(name);

    public void Dispose() => _folder.Dispose();

    public static void Dotnet(string folder, params string[] arguments) => Run(folder, "dotnet", arguments);

    public static string Run(string folder, string program, params string[] arguments)
    {
        var (code, output) = Start(folder, program, arguments);
        Assert.AreEqual(0, code, $"{program} {string.Join(' ', arguments)}: {output}");
        return output;
    }

    public static (int Code, string Output) Start(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_ROLL_FORWARD"] = "Major"; // The runtime that runs the tests runs the application, too.
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        Assert.IsTrue(process.WaitForExit(TimeSpan.FromMinutes(10)), $"{program} {string.Join(' ', arguments)} does not end.");
        return (process.ExitCode, output + errors.Result);
    }
}
