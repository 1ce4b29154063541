using System.Reflection;
using Microsoft.ML.PTuning.Tool.Data;

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
    // The packages that a project references, in the versions that this tool stands on.
    private static readonly (string Package, string Version)[] s_packages =
    [
        ("Microsoft.ML", VersionOf("Microsoft.ML")),
        ("Microsoft.ML.PTuning", VersionOf("Microsoft.ML.PTuning")),
    ];

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
        var packages = s_packages.Select(package => $"    <PackageReference Include=\"{package.Package}\" Version=\"{package.Version}\" />");
        if (PackageOf(encoder) is { } bundled)
            packages = packages.Append($"    <PackageReference Include=\"{bundled}\" Version=\"{VersionOf("Microsoft.ML.PTuning")}\" />");
        string[] backends =
        [
            """    <PackageReference Include="libtorch-cpu-linux-x64" Version="2.10.0" Condition="$([MSBuild]::IsOSPlatform('Linux'))" />""",
            """    <PackageReference Include="libtorch-cpu-win-x64" Version="2.10.0" Condition="$([MSBuild]::IsOSPlatform('Windows'))" />""",
            """    <PackageReference Include="libtorch-cpu-osx-arm64" Version="2.10.0" Condition="$([MSBuild]::IsOSPlatform('OSX'))" />""",
        ];
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
            {string.Join("\n", packages.Concat(backends))}
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
        "all-MiniLM-L6-v2" => "Microsoft.ML.PTuning.Backbone.MiniLM",
        "mini-cased" => "Microsoft.ML.PTuning.Backbone.Mini",
        _ => null,
    };

    private static string VersionOf(string assembly)
    {
        var version = Assembly.Load(assembly == "Microsoft.ML" ? "Microsoft.ML.Core" : assembly)
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        return version.Split('+')[0];
    }
}
