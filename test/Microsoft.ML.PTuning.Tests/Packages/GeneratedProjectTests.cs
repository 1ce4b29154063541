using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.ML.PTuning.Tests.Tool;

namespace Microsoft.ML.PTuning.Tests.Packages;

/// <summary>The projects that <c>ptuning new</c> writes, built as they stand and run.</summary>
[TestClass]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class GeneratedProjectTests
{
    private static readonly Dictionary<string, string> s_data = new()
    {
        ["tickets"] = "rows.csv", ["cities"] = "words.jsonl", ["writer"] = "pairs.csv",
    };

    private static PackageFeed s_feed = null!;
    private static TinyWriter s_writer = null!;

    [ClassInitialize]
    public static void Train(TestContext _)
    {
        s_feed = new PackageFeed();
        File.WriteAllLines(
            s_feed.File("rows.csv"),
            Enumerable.Range(0, 32).Select(i => i % 2 == 0 ? $"delivery,\"my parcel, number {i}, is late\"" : $"billing,I was charged twice for invoice {i}").Prepend("Queue,Text"));
        ToolRun.Of("train", s_feed.File("rows.csv"), "--label", "Queue", "--epochs", "4", "--output", s_feed.File("tickets.zip")).Succeeded();
        File.WriteAllLines(
            s_feed.File("words.jsonl"), Enumerable.Repeat("{\"tokens\": [\"my\", \"parcel\", \"from\", \"Berlin\"], \"tags\": [\"O\", \"O\", \"O\", \"B-CITY\"]}", 16));
        ToolRun.Of("train", s_feed.File("words.jsonl"), "--label", "tags", "--epochs", "1", "--output", s_feed.File("cities.zip")).Succeeded();
        s_writer = new TinyWriter("gpt2");
        File.WriteAllLines(s_feed.File("pairs.csv"), TinyWriter.Pairs(16).Select(pair => $"{pair.Text},{pair.Label}").Prepend("Text,Label"));
        ToolRun.Of(
            "train", s_feed.File("pairs.csv"), "--task", "writing", "--backbone", s_writer.Path, "--prefix-length", "3", "--max-length", "24", "--max-new-tokens", "4",
            "--epochs", "1", "--output", s_feed.File("writer.zip")).Succeeded();
    }

    [ClassCleanup]
    public static void DeleteFolder()
    {
        s_feed.Dispose();
        s_writer.Dispose();
    }

    [TestMethod]
    [DataRow("console", "tickets")]
    [DataRow("modelbuilder", "tickets")]
    [DataRow("console", "cities")]
    [DataRow("modelbuilder", "cities")]
    [DataRow("modelbuilder", "writer")]
    public void Console_projects_build_and_predict(string kind, string model)
    {
        var (folder, program) = Build(kind, model);

        var output = PackageFeed.Run(folder, "dotnet", program);

        StringAssert.StartsWith(output, model == "writer" ? "GeneratedText: " : "PredictedLabel: ");
    }

    [TestMethod]
    public async Task Web_service_answers_with_the_prediction_of_a_row()
    {
        var (folder, program) = Build("webapi", "tickets");
        var address = $"http://localhost:{FreePort()}";
        var start = new ProcessStartInfo("dotnet", [program]) { WorkingDirectory = folder };
        start.Environment["Logging__LogLevel__Default"] = "Warning";
        start.Environment["ASPNETCORE_URLS"] = address;
        start.Environment["DOTNET_ROLL_FORWARD"] = "Major";
        using var service = Process.Start(start)!;
        try
        {
            using var client = new HttpClient { BaseAddress = new Uri(address), Timeout = TimeSpan.FromSeconds(30) };
            await Answers(client);

            var response = await client.PostAsJsonAsync("/predict", new { Text = "where is my parcel, it is late" });

            var prediction = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            Assert.AreEqual("delivery", prediction.GetProperty("predictedLabel").GetString());
        }
        finally
        {
            service.Kill(entireProcessTree: true);
        }
    }

    [TestMethod]
    public void Retrained_model_of_a_Model_Builder_project_predicts_the_same_classes()
    {
        var (folder, _) = Build("modelbuilder", "tickets");
        File.WriteAllText(Path.Combine(folder, "Program.cs"), """
            using Microsoft.ML;
            using TicketsApp;

            Tickets.Train("again.mlnet");
            var mlContext = new MLContext();
            var data = Tickets.LoadIDataViewFromFile(mlContext, Tickets.RetrainFilePath, Tickets.RetrainSeparatorChar, Tickets.RetrainHasHeader, Tickets.RetrainAllowQuoting);
            Console.WriteLine(Tickets.Evaluate(mlContext, mlContext.Model.Load("again.mlnet", out _), data).MicroAccuracy);
            """);

        var program = Compile(folder, "Tickets");

        Assert.AreEqual("1", PackageFeed.Run(folder, "dotnet", program).Trim());
    }

    private static (string Folder, string Program) Build(string kind, string model)
    {
        var folder = s_feed.File($"{kind}-{model}-{Guid.NewGuid():N}");
        ToolRun.Of("new", kind, s_feed.File($"{model}.zip"), "--output", folder, "--data", s_feed.File(s_data[model])).Succeeded();
        return (folder, Compile(folder, $"{char.ToUpperInvariant(model[0])}{model[1..]}"));
    }

    private static string Compile(string folder, string name)
    {
        PackageFeed.Dotnet(
            folder, ["build", "-c", "Release", "-v", "q", "-nologo", "-o", "built", .. s_feed.Properties.Select(property => $"-p:{property.Name}={property.Value}")]);
        return Path.Combine(folder, "built", $"{name}.dll");
    }

    private static async Task Answers(HttpClient client)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                await client.GetStringAsync("/");
                return;
            }
            catch (HttpRequestException) when (i < 60)
            {
                await Task.Delay(500);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
