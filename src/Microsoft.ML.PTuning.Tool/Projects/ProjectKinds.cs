using System.Reflection;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Projects;

/// <summary>A kind of project that uses a model.</summary>
/// <param name="Name">What <c>ptuning new</c> calls it.</param>
/// <param name="Files">Its files, by their names, beside the model and the project's own.</param>
/// <param name="Sdk">The SDK of its project file.</param>
/// <param name="Start">How to run it, and what to do then.</param>
internal sealed record ProjectKind(string Name, string Sdk, Func<ModelClass, IEnumerable<(string Path, string Text)>> Files, Func<ModelClass, string> Start);

/// <summary>The kinds of projects. A new one is a file and a line here.</summary>
internal static class ProjectKinds
{
    // What the build wrote into this program: the packages' ids and versions.
    private static readonly Dictionary<string, string?> s_build = typeof(ProjectKinds).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .ToDictionary(data => data.Key, data => data.Value);

    private static readonly (string System, string Package)[] s_backends =
        [("Linux", "libtorch-cpu-linux-x64"), ("Windows", "libtorch-cpu-win-x64"), ("OSX", "libtorch-cpu-osx-arm64")];

    public static IReadOnlyList<ProjectKind> All { get; } =
    [
        new("console", "Microsoft.NET.Sdk", ConsoleProject.Files, _ => "dotnet run"),
        new("webapi", "Microsoft.NET.Sdk.Web", WebApiProject.Files, WebApiProject.Start),
        new("modelbuilder", "Microsoft.NET.Sdk", ModelBuilderProject.Files, _ => "dotnet run"),
    ];

    public static string Names => string.Join(", ", All.Select(kind => kind.Name));

    /// <summary>Writes a project into a folder that is not there yet, or is empty.</summary>
    /// <exception cref="DataException">The folder has files.</exception>
    public static void Write(ProjectKind kind, ModelClass model, string folder)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new DataException($"The folder '{folder}' has files. Name another one with --output, or empty it.");

        var draft = $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))}.{Guid.NewGuid():N}.tmp";
        Directory.CreateDirectory(draft);
        try
        {
            foreach (var (path, text) in kind.Files(model).Append(($"{model.Name}.csproj", Project(kind, model))))
                File.WriteAllText(Path.Combine(draft, path), text.ReplaceLineEndings("\n") + "\n");
            File.Copy(model.Model.Path, Path.Combine(draft, $"{model.Name}.mlnet"));
            if (Directory.Exists(folder))
                Directory.Delete(folder);
            Directory.Move(draft, folder);
        }
        finally
        {
            if (Directory.Exists(draft))
                Directory.Delete(draft, recursive: true);
        }
    }

    private static string Project(ProjectKind kind, ModelClass model)
    {
        var encoder = model.Model.Model.Backbone.Name;
        (string Id, string? Version)[] packages = [("Microsoft.ML", s_build["Microsoft.ML"]), (s_build["PackageIdPrefix"]!, s_build["PackageVersion"])];
        if (PackageOf(encoder) is { } bundled)
            packages = [.. packages, (bundled, s_build["PackageVersion"])];
        var references = packages.Select(package => $"    <PackageReference Include=\"{package.Id}\" Version=\"{package.Version}\" />")
            .Concat(s_backends.Select(backend =>
                $"    <PackageReference Include=\"{backend.Package}\" Version=\"{s_build["libtorch"]}\" Condition=\"$([MSBuild]::IsOSPlatform('{backend.System}'))\" />"));
        return $"""
            <Project Sdk="{kind.Sdk}">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net8.0</TargetFramework>
                <RollForward>Major</RollForward>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>disable</Nullable>
                <RootNamespace>{model.Namespace}</RootNamespace>
              </PropertyGroup>

              <ItemGroup>
            {string.Join("\n", references)}
              </ItemGroup>

              <ItemGroup>
                <None Update="{model.Name}.mlnet" CopyToOutputDirectory="PreserveNewest" />
              </ItemGroup>
            </Project>
            """;
    }

    /// <returns>The package that brings an encoder; null for an encoder of the user's own, which is found as the model's file says.</returns>
    public static string? PackageOf(string encoder) => encoder switch
    {
        "all-MiniLM-L6-v2" => $"{s_build["PackageIdPrefix"]}.Backbone.MiniLM",
        "mini-cased" => $"{s_build["PackageIdPrefix"]}.Backbone.Mini",
        _ => null,
    };
}
