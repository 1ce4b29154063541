using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Tests.Packages;

/// <summary>A new console application that gets the library from its packages.</summary>
/// <remarks>Takes minutes, and what the application needs besides from the NuGet cache and the configured sources.</remarks>
[TestClass]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class PackageConsumerTests
{
    private const string Program = """
        using Microsoft.ML;
        using Microsoft.ML.Data;

        var mlContext = new MLContext(seed: 1);
        var rows = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(i => new Ticket
        {
            Text = i % 2 == 0 ? "my parcel is late" : "I was charged twice",
            Queue = i % 2 == 0 ? "delivery" : "billing",
        }));
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label", "Queue")
            .Append(mlContext.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Text", prefixLength: 2))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        var file = Path.Combine(args[0], "tickets.zip");
        mlContext.Model.Save(pipeline.Fit(rows), rows.Schema, file);

        var loaded = mlContext.Model.Load(file, out _);
        using var engine = mlContext.Model.CreatePredictionEngine<Ticket, Routing>(loaded);
        Console.WriteLine($"{engine.Predict(new Ticket { Text = "the parcel is late" }).PredictedLabel}, {new FileInfo(file).Length} bytes");

        public class Ticket { public string Text { get; set; } = ""; public string Queue { get; set; } = ""; }
        public class Routing { public string PredictedLabel { get; set; } = ""; }
        """;

    private const string CurvesProgram = """
        using Microsoft.ML;
        using Microsoft.ML.PTuning;

        var mlContext = new MLContext(seed: 1);
        var rows = mlContext.Data.LoadFromEnumerable(
            Enumerable.Range(0, 8).Select(i => new Ticket { Text = i % 2 == 0 ? "late" : "paid", Label = i % 2 == 0 }));
        var log = new TensorBoardLog(Path.Combine(args[0], "events")); // Nothing of TorchSharp has been loaded before.
        var trainer = mlContext.BinaryClassification.Trainers.PTuningV2(
            new PTuningV2Trainer.BinaryOptions { Sentence1ColumnName = "Text", PrefixLength = 2, Progress = log });
        using var model = trainer.Fit(rows);
        log.Complete(model.Summary!);
        model.Summary!.PlotCurves(Path.Combine(args[0], "curves.png"));

        public class Ticket { public string Text { get; set; } = ""; public bool Label { get; set; } }
        """;

    private static PackageFeed s_feed = null!;

    [ClassInitialize]
    public static void Pack(TestContext _) => s_feed = new PackageFeed();

    [ClassCleanup]
    public static void DeleteFolder() => s_feed.Dispose();

    [TestMethod]
    [DataRow("net8.0", "--self-contained", "false")]
    [DataRow("net10.0", "--self-contained", "true")]
    [DataRow("net10.0", "--self-contained", "false", "-p:PublishSingleFile=true")]
    public void Application_trains_saves_loads_and_predicts(string framework, params string[] publish)
    {
        var folder = CreateApplication($"{framework}{string.Concat(publish)}".Replace(':', '-').Replace('=', '-'), framework);

        PackageFeed.Dotnet(folder, ["publish", "-c", "Release", "-v", "q", "-nologo", "-r", RuntimeInformation.RuntimeIdentifier, "-o", "published", .. publish]);

        var program = Path.Combine(folder, "published", OperatingSystem.IsWindows() ? "App.exe" : "App");
        StringAssert.StartsWith(PackageFeed.Run(folder, program, folder), "delivery, ");
    }

    [TestMethod]
    public void Application_logs_its_training_and_draws_its_curves()
    {
        var folder = CreateApplication("pictures", "net10.0", CurvesProgram, "Microsoft.ML.PTuning.Plots");

        PackageFeed.Dotnet(
            folder, "publish", "-c", "Release", "-v", "q", "-nologo", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "false", "-o", "published");
        PackageFeed.Run(folder, Path.Combine(folder, "published", OperatingSystem.IsWindows() ? "App.exe" : "App"), folder);

        Assert.HasCount(1, Directory.GetFiles(Path.Combine(folder, "events")));
        CollectionAssert.AreEqual(new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G' }, File.ReadAllBytes(Path.Combine(folder, "curves.png"))[..4]);
    }

    [TestMethod]
    [DataRow("PublishTrimmed")]
    [DataRow("PublishAot")]
    public void Trimmed_application_is_refused_at_build(string property)
    {
        var folder = CreateApplication(property, "net10.0");
        PackageFeed.Dotnet(folder, "restore", "-v", "q", "-nologo"); // Without the property, which asks for packages of its own.

        var (code, output) = PackageFeed.Start(folder, "dotnet", "build", "--no-restore", "-c", "Release", "-v", "q", "-nologo", $"-p:{property}=true");

        Assert.AreEqual(1, code, output);
        Assert.Contains("error PTUNING001", output);
        Assert.Contains($"App sets {property}, but Microsoft.ML.PTuning stands on ML.NET", output);
    }

    private static string CreateApplication(string name, string framework, string program = Program, params string[] packages)
    {
        var folder = Directory.CreateDirectory(s_feed.File(name)).FullName;
        var backend = OperatingSystem.IsWindows() ? "libtorch-cpu-win-x64" : OperatingSystem.IsMacOS() ? "libtorch-cpu-osx-arm64" : "libtorch-cpu-linux-x64";
        File.WriteAllText(Path.Combine(folder, "Program.cs"), program);
        File.WriteAllText(Path.Combine(folder, "App.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>{framework}</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                {string.Concat(s_feed.Properties.Select(property => $"<{property.Name}>{property.Value}</{property.Name}>"))}
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Microsoft.ML.PTuning" Version="{PackageFeed.Version}" />
                <PackageReference Include="Microsoft.ML.PTuning.Backbone.MiniLM" Version="{PackageFeed.Version}" />
                <PackageReference Include="{backend}" Version="2.10.*" />
                {string.Concat(packages.Select(package => $"<PackageReference Include=\"{package}\" Version=\"{PackageFeed.Version}\" />"))}
              </ItemGroup>
            </Project>
            """);
        return folder;
    }
}
