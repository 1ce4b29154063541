using System.Text.Json.Nodes;
using PaperTasks.Sweeps;

namespace Microsoft.ML.PTuning.Tests.Examples.Sweeps;

[TestClass]
public sealed class SweepFileTests
{
    [TestMethod]
    [DataRow("1e-2", "--x=0.01")]
    [DataRow("0.010", "--x=0.01")]
    [DataRow("5", "--x=5")]
    [DataRow("12345678901234567890", "--x=12345678901234567890")]
    [DataRow("1e-5", "--x=1E-05")]
    [DataRow("\"a b\"", "--x=a b")]
    [DataRow("true", "--x=true")]
    [DataRow("false", "--x=false")]
    [DataRow("null", "")]
    public void A_value_becomes_an_option_of_the_command_line(string value, string argument) =>
        Assert.AreEqual(argument, string.Join(' ', Points($$"""{ "grids": [{ "x": {{value}} }] }""").Single().Arguments));

    [TestMethod]
    public void A_grid_has_every_combination_and_goes_before_what_is_common()
    {
        string[] points = [.. Points("""
            {   // A comment.
                "common": { "a": 1, "b": 2 },
                "grids": [{ "b": [3, 4], "c": ["x", "y"], }, { "a": null }],
            }
            """).Select(point => string.Join(' ', point.Arguments))];

        CollectionAssert.AreEqual(
            (string[])["--a=1 --b=3 --c=x", "--a=1 --b=3 --c=y", "--a=1 --b=4 --c=x", "--a=1 --b=4 --c=y", "--b=2"], points);
    }

    [TestMethod]
    public void Options_that_go_together_are_an_object()
    {
        string[] points = [.. Points("""
            { "grids": [{ "task": [{ "task": "rte", "data": "RTE" }, { "task": "sst2", "data": "SST-2", "limit": 9 }], "seed": [1, 2] }] }
            """).Select(point => string.Join(' ', point.Arguments))];

        CollectionAssert.AreEqual(
            (string[])[
                "--data=RTE --seed=1 --task=rte", "--data=RTE --seed=2 --task=rte",
                "--data=SST-2 --limit=9 --seed=1 --task=sst2", "--data=SST-2 --limit=9 --seed=2 --task=sst2"],
            points);
    }

    [TestMethod]
    public void Labels_are_for_reports_alone()
    {
        Point[] points = [.. Points("""
            { "grids": [{ "layers": [{ "prefix-layers": "0-1", "@layers": 2, "@from": "bottom" }, { "prefix-layers": 2, "@layers": 2, "@from": "top" }] }] }
            """)];

        CollectionAssert.AreEqual((string[])["--prefix-layers=0-1", "--prefix-layers=2"], points.SelectMany(point => point.Arguments).ToArray());
        CollectionAssert.AreEqual((string[])["2 bottom", "2 top"], points.Select(point => $"{point["@layers"]} {point["@from"]}").ToArray());
        Assert.AreEqual(points[0].Key, Point.FromJson(points[0].ToJson()).Key);
    }

    [TestMethod]
    public void A_point_is_the_same_after_it_was_written()
    {
        Point point = Points("""
            { "grids": [{ "a": 1e-5, "b": "0.10", "c": true, "d": "x=\"y\"", "e": 12345678901234567890, "f": "NaN", "g": "007" }] }
            """).Single();

        Assert.AreEqual(point.Key, Point.FromJson(point.ToJson()).Key);
        Assert.AreEqual(point.Key, Point.FromJson(JsonNode.Parse(point.ToJson().ToJsonString())!.AsObject()).Key);
    }

    [TestMethod]
    [DataRow("{", "s.json: ")]
    [DataRow("[]", "the file: expected an object, found [].")]
    [DataRow("{ \"grids\": [{}], \"grid\": 1 }", "grid: there is no such setting; expected one of name, common, grids, tables, figures.")]
    [DataRow("{ \"grids\": [], \"grids\": [] }", "grids")]
    [DataRow("{ \"name\": \"x\" }", "grids: expected a list, found nothing.")]
    [DataRow("{ \"grids\": [] }", "grids: expected one grid at least, found none.")]
    [DataRow("{ \"name\": \"a/b\", \"grids\": [{}] }", "name: expected the beginning of a file name, found 'a/b'.")]
    [DataRow("{ \"grids\": [{ \"a\": [] }] }", "grids[0].a: expected a value at least, found an empty list.")]
    [DataRow("{ \"grids\": [{ \"a\": [[1]] }] }", "grids[0].a[0]: expected a text, a number, true, false or null, found [1].")]
    [DataRow("{ \"grids\": [{ \"json\": \"f\" }] }", "grids[0].json: the sweep cannot set --json for its runs.")]
    [DataRow("{ \"grids\": [{ \"a\": [{ \"b\": 1 }], \"b\": 2 }] }", "grids[0]: expected one key for --b, but 'a' and 'b' set it.")]
    [DataRow(
        "{ \"grids\": [{ \"a\": 1, \"choose\": { \"by\": \"b\", \"holdout\": 0.2 } }] }", "grids[0].choose.by: expected keys of this grid other than 'seed', found 'b'.")]
    [DataRow("{ \"grids\": [{ \"a\": 1, \"seed\": 1, \"choose\": { \"by\": \"seed\", \"holdout\": 0.2 } }] }", "found 'seed'.")]
    [DataRow("{ \"grids\": [{ \"a\": 1, \"choose\": { \"by\": \"a\" } }] }", "grids[0].choose: expected \"holdout\"")]
    [DataRow(
        "{ \"grids\": [{ \"a\": 1, \"choose\": { \"by\": \"a\", \"per\": \"a\", \"holdout\": 0.2 } }] }", "grids[0].choose.per: expected options of this grid")]
    [DataRow(
        "{ \"grids\": [{ \"a\": [1, 3], \"choose\": { \"by\": \"a\", \"beyond\": [2], \"holdout\": 0.2 } }] }",
        "grids[0].choose.beyond: expected numbers in ascending order below and above those of one key in \"by\", which are ascending, too; found [2] for a.")]
    [DataRow("{ \"grids\": [{ \"a\": [1, 3], \"choose\": { \"by\": \"a\", \"beyond\": [5, 4], \"holdout\": 0.2 } }] }", "found [5,4] for a.")]
    [DataRow("{ \"grids\": [{ \"a\": [3, 1], \"choose\": { \"by\": \"a\", \"beyond\": 4, \"holdout\": 0.2 } }] }", "found 4 for a.")]
    [DataRow("{ \"grids\": [{ \"a\": [\"x\"], \"choose\": { \"by\": \"a\", \"beyond\": 4, \"holdout\": 0.2 } }] }", "found 4 for a.")]
    [DataRow(
        "{ \"grids\": [{ \"a\": 1, \"b\": 2, \"choose\": { \"by\": [\"a\", \"b\"], \"beyond\": 4, \"holdout\": 0.2 } }] }", "found 4 for a and b.")]
    [DataRow("{ \"grids\": [{}], \"tables\": [{ \"columns\": \"a\" }] }", "tables[0].rows: expected a text, found nothing.")]
    [DataRow(
        "{ \"grids\": [{}], \"figures\": [{ \"name\": \"f\", \"x\": \"a\", \"kind\": \"pie\" }] }",
        "figures[0].kind: expected bars or lines, found 'pie'.")]
    public void A_file_that_makes_no_sense_is_refused_by_its_place(string text, string message)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("s.json", text);

        FormatException problem = Assert.ThrowsExactly<FormatException>(() => SweepFile.Read(path));

        StringAssert.Contains(problem.Message, path);
        StringAssert.Contains(problem.Message, message);
    }

    [TestMethod]
    [DataRow("{ \"task\": \"rte\", \"data\": \"d\", \"method\": [\"majority\", \"nosuch\"] }", "--method=nosuch --task=rte. ", "'nosuch' not recognized")]
    [DataRow("{ \"task\": \"squad\", \"data\": \"d\", \"method\": \"bag-of-words\" }", "--method=bag-of-words", "not for squad.")]
    [DataRow("{ \"task\": \"rte\", \"data\": \"d\", \"learn\": 1 }", "--learn=1", "--learn=1")]
    [DataRow("{ \"task\": \"rte\", \"data\": \"d\", \"epochs\": [1, 0] }", "--epochs=0", "--epochs: expected a whole number of at least 1, found '0'.")]
    [DataRow("{ \"task\": \"rte\", \"data\": \"d\", \"dev-limit\": 5, \"epochs\": [1, 2], \"choose\": { \"by\": \"epochs\", \"holdout\": 0.2 } }",
        "--holdout=0.2", "--dev-limit is for development rows")]
    public void A_point_that_the_program_refuses_is_named_before_anything_runs(string grid, string point, string reason)
    {
        SweepFile file = SweepFile.Parse($$"""{ "grids": [{{grid}}] }""", "s");

        FormatException problem = Assert.ThrowsExactly<FormatException>(() => SweepCommand.Check(PaperTasks.CommandLine.Create(), "s.json", file));

        StringAssert.Contains(problem.Message, point);
        StringAssert.Contains(problem.Message, reason);
    }

    [TestMethod]
    public void The_files_of_the_documentation_can_be_run()
    {
        string page = File.ReadAllText(Path.Combine(SecondProcess.Repository, "docs", "sweeps.md")).ReplaceLineEndings("\n");
        string[] files =
        [
            .. page.Split("```json\n").Skip(1).Select(part => part.Split("```")[0]),
            .. Directory.GetFiles(Path.Combine(SecondProcess.Repository, "examples", "PaperTasks"), "*.sweep.json").Select(File.ReadAllText),
            .. Directory.GetFiles(Path.Combine(SecondProcess.Repository, "examples", "PaperTasks", "sweeps"), "*.sweep.json").Select(File.ReadAllText),
        ];

        Assert.HasCount(13, files);
        foreach (string file in files)
            SweepCommand.Check(PaperTasks.CommandLine.Create(), "s.json", SweepFile.Parse(file, "s"));
    }

    private static IEnumerable<Point> Points(string text) => SweepFile.Parse(text, "s").Grids.SelectMany(grid => grid.Possible());
}
