using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.ML.PTuning.Tests.Packages;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>A PostgreSQL server of its own for a test, with the tables of a cluster.</summary>
internal sealed class PostgresServer : IDisposable
{
    private const string User = "orleans";

    private static readonly string? s_programs = Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin")).Where(Directory.Exists).Order().LastOrDefault()
        : null;

    private readonly string _folder;

    private PostgresServer(string programs)
    {
        var port = FreePort().ToString(CultureInfo.InvariantCulture);
        _folder = AsServer("mktemp", "--directory").Trim();
        AsServer(Path.Combine(programs, "initdb"), "--pgdata", _folder, "--auth", "trust", "--username", User);
        var options = $"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={_folder} -c fsync=off";
        AsServer(Path.Combine(programs, "pg_ctl"), "--pgdata", _folder, "--options", options, "--log", Path.Combine(_folder, "log"), "--wait", "start");
        var tables = Path.Combine(AppContext.BaseDirectory, "cluster.sql");
        string[] database = ["--host", "127.0.0.1", "--port", port, "--username", User, "--dbname", "postgres"];
        PackageFeed.Run("/", "psql", [.. database, "--set", "ON_ERROR_STOP=1", "--file", tables]);
        Connection = $"Host=127.0.0.1;Port={port};Username={User};Database=postgres;Timezone=UTC";
    }

    public string Connection { get; }

    /// <returns>Null where PostgreSQL is not installed.</returns>
    public static PostgresServer? TryStart() => s_programs is null ? null : new(s_programs);

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        AsServer(Path.Combine(s_programs!, "pg_ctl"), "--pgdata", _folder, "--mode", "immediate", "stop");
        Directory.Delete(_folder, recursive: true);
    }

    // The server refuses to run as root. Debian's package has made a user for it.
    private static string AsServer(string program, params string[] arguments) => Environment.UserName == "root"
        ? PackageFeed.Run("/", "runuser", ["-u", "postgres", "--", program, .. arguments])
        : PackageFeed.Run("/", program, arguments);
}
