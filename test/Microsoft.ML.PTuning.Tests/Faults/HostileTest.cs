using System.Diagnostics;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Faults;

/// <summary>Runs the body of a test in a process of its own, so that the machine may be hostile to it, and may end it.</summary>
public abstract class HostileTest
{
    private const string RunningTest = "PTUNING_HOSTILE_TEST", DiskFolder = "DISK";

    // Root may mount in a namespace of its own. Others may, too, where the system gives them namespaces of users.
    private static readonly string[] Namespace =
        Environment.IsPrivilegedProcess ? ["unshare", "--mount"] : ["unshare", "--user", "--map-root-user", "--mount"];

    // Some start the tests by their own name, others with dotnet and the assembly's.
    private static readonly string[] ThisProgram = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
        ? [Environment.ProcessPath!, typeof(HostileTest).Assembly.Location]
        : [Environment.ProcessPath!];

    public TestContext TestContext { get; set; } = null!;

    /// <summary>Whether this process is the one that runs the body.</summary>
    protected bool IsChild => Environment.GetEnvironmentVariable(RunningTest) == TestContext.TestName;

    /// <param name="prepare">Lines of bash that the process starts with; <c>"$@"</c> is the process.</param>
    /// <param name="body">Gets an empty folder, <c>$DISK</c> of the lines.</param>
    protected void Run(string prepare, Action<string> body) => Run(["bash"], prepare, body);

    /// <summary>The same, where the lines or the body may mount. Nobody else sees what they mount.</summary>
    protected void RunWithMounts(string prepare, Action<string> body)
    {
        if (!IsChild && Start([.. Namespace, "true"]).ExitCode != 0)
            Assert.Inconclusive("Needs a mount namespace (unshare --mount), which this machine does not give to this user.");

        Run([.. Namespace, "bash"], prepare, body);
    }

    /// <summary>Writes until nothing more fits on the disk.</summary>
    /// <returns>The file that fills it.</returns>
    protected static string Fill(string disk)
    {
        var path = Path.Combine(disk, "filler");
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        for (var size = 1 << 16; size > 0;)
        {
            try
            {
                file.Write(new byte[size]);
            }
            catch (IOException)
            {
                size /= 2;
            }
        }
        return path;
    }

    /// <summary>Runs a program to its end.</summary>
    internal static void Shell(string program, params string[] arguments)
    {
        var (exitCode, output) = Start([program, .. arguments]);
        Assert.AreEqual(0, exitCode, $"{program} {string.Join(' ', arguments)}: {output}");
    }

    private void Run(string[] shell, string prepare, Action<string> body)
    {
        if (IsChild)
        {
            body(Environment.GetEnvironmentVariable(DiskFolder)!);
            return;
        }

        using var disk = new TemporaryDirectory();
        var name = $"{TestContext.FullyQualifiedTestClassName}.{TestContext.TestName}";
        var child = Start(
            [.. shell, "-c", $"{prepare}\nexec \"$@\"", "bash", .. ThisProgram, "--filter", $"FullyQualifiedName={name}", "--progress", "off"],
            (RunningTest, TestContext.TestName!), (DiskFolder, disk.Path));
        Assert.AreEqual(0, child.ExitCode, child.Output); // 128 and more: a signal ended it.
    }

    /// <summary>Runs a program to its end, and gives what it wrote and said of errors.</summary>
    protected static (int ExitCode, string Output) Start(string[] command, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
