using System.Buffers.Binary;
using System.Text.Json.Nodes;
using PaperTasks.Sweeps;

namespace Microsoft.ML.PTuning.Tests.Examples.Sweeps;

[TestClass]
public sealed class SweepReportTests
{
    private const string Sweep = """
        {
            "name": "demo",
            "grids": [
                { "task": ["rte", "copa"], "data": "d", "method": ["majority", "bag-of-words"], "seed": [1, 2] },
                {
                    "task": "rte", "data": "d", "method": "ptuning-v2", "epochs": [{ "epochs": 1, "@a pass": 1 }, { "epochs": 2, "@a pass": 2 }], "learning-rate": [0.01, 0.02], "seed": [1, 2],
                    "choose": { "by": "learning-rate", "per": "epochs", "holdout": 0.2 }
                }
            ],
            "tables": [{ "title": "Methods", "rows": "task", "columns": "method", "where": { "epochs": null } }],
            "figures": [
                { "name": "bars", "title": "Two methods", "x": "task", "series": "method", "where": { "epochs": null } },
                { "name": "lines", "kind": "lines", "log": true, "x": "@a pass", "where": { "method": "ptuning-v2" } }
            ]
        }
        """;

    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    /// <summary>Values 0.5 and 0.7: mean 0.6, deviation √0.02 = 0.141.</summary>
    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)] // SweepProcess.
    public void Tables_and_figures_are_written_beside_the_results()
    {
        _folder.Write("s.json", Sweep);
        using (SweepResults results = SweepResults.Open(Path.Combine(_folder.Path, "demo.results.jsonl")))
        {
            foreach (Point point in SweepFile.Parse(Sweep, "s").Grids.SelectMany(grid => grid.Possible()))
                results.Add(Measured(point, (point["seed"] == "1" ? 0.5 : 0.7) + (point["holdout"] is not null && point["learning-rate"] == "0.02" ? 0.1 : 0)));
        }

        var (exitCode, output, errors) = SweepProcess.Run(_folder.Path, "s.json", "--report");

        Assert.AreEqual((0, ""), (exitCode, errors));
        string report = File.ReadAllText(Path.Combine(_folder.Path, "demo.md")).ReplaceLineEndings("\n");
        StringAssert.Contains(output.ReplaceLineEndings("\n"), report);
        StringAssert.Contains(report, """
            ## Methods

            Mean ± standard deviation of accuracy, 2 seeds each.

            | task | majority | bag-of-words |
            | --- | ---: | ---: |
            | rte | 0.600 ± 0.141 | 0.600 ± 0.141 |
            | copa | 0.600 ± 0.141 | 0.600 ± 0.141 |
            """.ReplaceLineEndings("\n"));
        StringAssert.Contains(report, """
            | epochs | 0.01 | 0.02 |
            | --- | ---: | ---: |
            | 1 | 0.500 | **0.600** |
            | 2 | 0.500 | **0.600** |
            """.ReplaceLineEndings("\n"));
        AssertPicture("demo.bars", "Two methods", "bag-of-words", "accuracy", "copa");
        AssertPicture("demo.lines", "a pass");
    }

    [TestMethod]
    public void Without_results_a_report_says_so()
    {
        SweepFile file = SweepFile.Parse(Sweep, "s");
        string path = Path.Combine(_folder.Path, "demo.results.jsonl");
        using SweepResults none = SweepResults.Read(path);

        string report = new SweepReport(file, new SweepPlan(file.Grids, none), none).Write(path);

        Assert.AreEqual("# demo\n\nThere are no results yet of 12 runs.\n", File.ReadAllText(report).ReplaceLineEndings("\n"));
        Assert.HasCount(1, Directory.GetFiles(_folder.Path));
    }

    [TestMethod]
    public void A_cell_says_its_number_of_runs_where_they_differ()
    {
        IReadOnlyList<Grid> grids = SweepFile.Parse("""{ "grids": [{ "m": "a", "seed": [1, 2] }, { "m": "b", "seed": 1 }] }""", "s").Grids;
        Point[] points = [.. grids.SelectMany(grid => grid.Possible())];

        var cells = new Cells(points.Select(point => Measured(point, 0.25)), ["m"], [], new Selection(null, new Dictionary<string, IReadOnlyList<string?>>()));

        CollectionAssert.AreEqual((int[])[1, 2], cells.Counts.ToArray());
        Assert.AreEqual(("0.250 ± 0.000", "0.250"), ($"{cells["a", ""]}", $"{cells["b", ""]}"));
    }

    [TestMethod]
    [DataRow(0.12345, 0.01, "0.123 ± 0.010")]
    [DataRow(12.345, 0.05, "12.3 ± 0.1")]
    [DataRow(19202, 0.75, "19,202 ± 1")]
    [DataRow(-0.5, null, "-0.500")]
    public void Numbers_have_the_digits_that_they_deserve(double mean, double? deviation, string text) =>
        Assert.AreEqual(text, $"{new Cell(mean, deviation, 3)}");

    [TestMethod]
    [DataRow(
        "\"tables\": [{ \"rows\": \"a\" }]",
        "tables[0]: expected a mean over seeds alone, but '1' has --b 3 and 4. Show the option, or pick a value with \"where\".")]
    [DataRow("\"tables\": [{ \"rows\": \"a\", \"where\": { \"b\": 5 } }]", "tables[0].where: no point of the sweep is like that.")]
    [DataRow("\"figures\": [{ \"name\": \"f\", \"x\": \"b\" }]", "figures[0]: expected a mean over seeds alone, but '3' has --a 1 and 2.")]
    [DataRow("\"figures\": [{ \"name\": \"f\", \"x\": \"c\", \"kind\": \"lines\", \"where\": { \"a\": 1, \"b\": 3 } }]",
        "figures[0].x: expected an option whose values are numbers, but --c is x.")]
    [DataRow("\"figures\": [{ \"name\": \"f\", \"x\": \"z\", \"kind\": \"lines\", \"log\": true, \"where\": { \"a\": 1, \"b\": 3 } }]",
        "values are numbers above 0, but --z is 0.")]
    public void A_table_or_figure_that_mixes_what_is_not_alike_is_refused(string request, string message)
    {
        SweepFile file = SweepFile.Parse($$"""{ "grids": [{ "a": [1, 2], "b": [3, 4], "c": "x", "z": 0, "seed": [1, 2] }], {{request}} }""", "s");

        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => SweepReport.Check(file)).Message, message);
    }

    private static PointResult Measured(Point point, double value) =>
        new(point, new JsonObject { ["metric"] = "accuracy", ["metrics"] = new JsonObject { ["accuracy"] = value } });

    /// <summary>The PNG has the size that is asked for, and more than a background; the SVG has the texts.</summary>
    private void AssertPicture(string name, params string[] texts)
    {
        byte[] png = File.ReadAllBytes(Path.Combine(_folder.Path, $"{name}.png"));
        Assert.AreEqual((1600, 1000), (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20))));
        Assert.IsGreaterThan(10_000, png.Length);
        string svg = File.ReadAllText(Path.Combine(_folder.Path, $"{name}.svg"));
        foreach (string text in texts)
            StringAssert.Contains(svg, text);
    }
}
