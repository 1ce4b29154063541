using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tool;

/// <summary>The command line from a data file to predictions, over a tiny encoder.</summary>
[TestClass]
public sealed partial class ToolCommandTests
{
    private static TinyEncoder s_encoder = null!;

    private readonly TemporaryDirectory _folder = new();

    [ClassInitialize]
    public static void CreateEncoder(TestContext _) => s_encoder = new TinyEncoder();

    [ClassCleanup]
    public static void DeleteEncoder() => s_encoder.Dispose();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow("classification", "text,label", "my parcel is late,delivery", "i paid the invoice,billing")]
    [DataRow("binary", "text,label", "my parcel is late,true", "i paid the invoice,no")]
    [DataRow("regression", "text,label", "my parcel is late,1.5", "i paid the invoice,0.25")]
    [DataRow("multi-label", "text,label", "my parcel is late,delivery;late", "i paid the invoice,billing")]
    [DataRow("classification", "sentence1,sentence2,label", "my parcel,is late,yes", "i paid,the invoice,no")]
    public void Tasks_of_texts_are_trained_measured_and_predicted(string task, string header, string first, string second) =>
        AssertWholeWay("rows.csv", header, Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? first : second), task);

    [TestMethod]
    public void Tags_are_trained_measured_and_predicted() => AssertWholeWay(
        "rows.jsonl", null, Enumerable.Repeat("{\"tokens\": [\"my\", \"parcel\"], \"tags\": [\"O\", \"B-THING\"]}", 20), "tags");

    [TestMethod]
    public void Choices_are_trained_measured_and_predicted() => AssertWholeWay(
        "rows.csv", "text,a,b,label", Enumerable.Range(0, 20).Select(i => $"my parcel,is late,is paid,{i % 2}"), "choices", "--choices", "a", "b");

    [TestMethod]
    public void Answers_are_trained_measured_and_predicted() => AssertWholeWay(
        "rows.jsonl", null,
        Enumerable.Repeat("{\"context\": \"my parcel is late\", \"question\": \"parcel\", \"answer\": \"late\", \"answer_start\": 13}", 20), "answers");

    [TestMethod]
    public void Texts_are_trained_measured_and_written()
    {
        using var writer = new TinyWriter("gpt2");
        var data = _folder.File("pairs.csv");
        File.WriteAllLines(data, TinyWriter.Pairs(20).Select(pair => $"{pair.Text},{pair.Label}").Prepend("Text,Label"));
        var model = Train(data, "writer", "--task", "writing", "--backbone", writer.Path, "--max-new-tokens", "5", "--beams", "2");

        var measured = ToolRun.Of("evaluate", model, data, "--json").Succeeded().Json;
        var predicted = ToolRun.Of("predict", model, data, "--only-predictions").Succeeded().Output.Trim('\n').Split('\n');

        CollectionAssert.AreEqual(
            new[] { "BLEU", "ROUGE-1", "ROUGE-2", "ROUGE-L", "chrF", "exact match" },
            measured.GetProperty("metrics").EnumerateObject().Select(metric => metric.Name).ToArray());
        Assert.AreEqual("GeneratedText,Candidates,Score", predicted[0]);
        using var loaded = LoadedModel.Load(model);
        var written = loaded.Whole.Transform(loaded.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(20))).GetColumn<string>("GeneratedText").ToArray();
        CollectionAssert.AreEqual(written, predicted.Skip(1).Select(line => line.Split(',')[0]).ToArray());
    }

    [TestMethod]
    [DataRow(BackbonePrecision.Float32)]
    [DataRow(BackbonePrecision.BFloat16)]
    public void Predictions_are_those_of_Transform_in_the_order_of_the_rows(BackbonePrecision precision)
    {
        var (data, model) = TrainTickets();
        using var loaded = LoadedModel.Load(model, precision);
        var texts = File.ReadLines(data).Skip(1).Select(line => new Ticket { Text = line.Split(',')[0] }).ToArray();
        var expected = loaded.Whole.Transform(loaded.Context.Data.LoadFromEnumerable(texts)).GetColumn<float[]>("Score").ToArray();

        var lines = ToolRun.Of("predict", model, data, "--only-predictions", "--precision", $"{precision}").Succeeded().Output.Trim().Split('\n')[1..];

        Assert.HasCount(texts.Length, lines);
        for (var i = 0; i < lines.Length; i++)
            for (var j = 0; j < 2; j++)
                Assert.AreEqual(expected[i][j], float.Parse(lines[i].Split(',')[j + 1], CultureInfo.InvariantCulture), 1e-5f);
    }

    [TestMethod]
    public void Each_of_many_rows_keeps_its_prediction()
    {
        var (_, model) = TrainTickets();
        var data = _folder.File("many.csv");
        string[] texts = ["my parcel is late", "i paid the invoice", "the screen is not my box now please", ""];
        File.WriteAllLines(data, Enumerable.Range(0, 50_000).Select(i => $"{i},{texts[i * 7 % 4]}").Prepend("Id,Text"));

        var lines = ToolRun.Of("predict", model, data).Succeeded().Output.Trim().Split('\n')[1..];

        var scores = new Dictionary<string, float>();
        for (var i = 0; i < 50_000; i++)
        {
            var fields = lines[i].Split(',');
            Assert.AreEqual(i.ToString(CultureInfo.InvariantCulture), fields[0]);
            var score = float.Parse(fields[3], CultureInfo.InvariantCulture);
            Assert.AreEqual(scores.TryGetValue(fields[1], out var first) ? first : scores[fields[1]] = score, score, 1e-5f);
        }
    }

    [TestMethod]
    public void Standard_input_is_predicted_to_standard_output_without_labels()
    {
        var (_, model) = TrainTickets();

        var run = ToolRun.WithInput("Text\nmy parcel\n\"i paid, thanks\"\n", "predict", model).Succeeded();

        var lines = run.Output.Trim().Split('\n');
        StringAssert.StartsWith(lines[0], "Text,PredictedLabel,Score.");
        Assert.HasCount(3, lines);
        StringAssert.StartsWith(lines[2], "\"i paid, thanks\",");
    }

    [TestMethod]
    public void Values_of_JSON_lines_stay_what_they_are()
    {
        var (_, model) = TrainTickets();

        var run = ToolRun.WithInput("{\"id\":7,\"Text\":\"my parcel\",\"ok\":true,\"more\":{\"a\":[1.50]}}\n", "predict", model, "--format", "jsonl").Succeeded();

        StringAssert.StartsWith(run.Output, "{\"id\":7,\"Text\":\"my parcel\",\"ok\":true,\"more\":{\"a\":[1.50]},\"PredictedLabel\":");
    }

    [TestMethod]
    public void Messages_of_the_library_name_options_as_the_command_line_does()
    {
        var data = WriteTickets();

        var run = ToolRun.Of(["train", data, "--label", "Topic", "--output", _folder.File("m.zip"), "--method", "linear-probe", .. Small()]);

        Assert.AreEqual(1, run.Code);
        StringAssert.StartsWith(run.Error[run.Error.IndexOf("error", StringComparison.Ordinal)..], "error --prefix-length is an option of P-Tuning v2");
        Assert.DoesNotContain("Parameter", run.Error);
    }

    [TestMethod]
    public void Other_names_of_columns_are_given_by_text_and_label()
    {
        var (_, model) = TrainTickets();
        var other = _folder.File("other.csv");
        File.WriteAllText(other, "queue,words\nDELIVERY ,my parcel is late\nbilling,i paid\n");

        var run = ToolRun.Of("evaluate", model, other, "--text", "words", "--label", "queue", "--json").Succeeded();

        Assert.AreEqual(2, run.Json.GetProperty("rows").GetInt32());
        Assert.Contains("'DELIVERY' (1 row) is read as 'delivery'", run.Error);
    }

    [TestMethod]
    public void The_page_has_metrics_yardstick_confusions_curves_and_mistakes()
    {
        var (_, model) = TrainTickets();

        var page = File.ReadAllText(Path.ChangeExtension(model, ".html"));

        foreach (var part in (string[])["<th>bag of words</th>", "<h2>Confusions</h2>", "<svg", "<h2>Most confident mistakes</h2>", "weights, not in the model"])
            Assert.Contains(part, page);
        Assert.DoesNotContain("<script", page);
        Assert.DoesNotContain("src=", page);
    }

    [TestMethod]
    public void Empty_and_very_long_texts_are_rows_like_others()
    {
        var data = _folder.File("rows.csv");
        var longest = string.Join(' ', Enumerable.Repeat("parcel", 200_000));
        File.WriteAllLines(data, ["Text,Topic", .. Enumerable.Range(0, 20).Select(i => i == 3 ? ",billing" : i == 4 ? $"{longest},delivery" : $"i paid {i},{(i % 2 == 0 ? "delivery" : "billing")}")]);

        var model = Train(data, "model", "--label", "Topic");

        Assert.HasCount(21, ToolRun.Of("predict", model, data, "--only-predictions").Succeeded().Output.Trim().Split('\n'));
    }

    [TestMethod]
    public void Outputs_never_replace_the_data_each_other_or_a_foreign_file()
    {
        var data = WriteTickets();
        var before = File.ReadAllText(data);
        File.WriteAllText(_folder.File("notes.zip"), "mine");

        string[][] outputs = [["--output", data], ["--page", data], ["--output", _folder.File("m.html")], ["--output", _folder.File("notes.zip")], ["--output", _folder.Path]];
        foreach (var output in outputs)
            Assert.AreEqual(1, ToolRun.Of(["train", data, "--label", "Topic", .. Small(), .. output]).Code, string.Join(' ', output));

        var model = Train(data, "model", "--label", "Topic");
        Assert.AreEqual(1, ToolRun.Of("predict", model, data, "--output", data).Code);
        File.WriteAllText(_folder.File("broken.csv"), "Text,Topic\nbroken\n");
        Assert.AreEqual(1, ToolRun.Of("predict", model, _folder.File("broken.csv"), "--output", _folder.File("none.csv")).Code);

        Assert.IsFalse(File.Exists(_folder.File("none.csv")));
        Assert.AreEqual(before, File.ReadAllText(data));
        Assert.AreEqual("mine", File.ReadAllText(_folder.File("notes.zip")));
    }

    [TestMethod]
    public void Rows_of_a_class_that_the_model_does_not_know_are_told_and_left_out()
    {
        var (_, model) = TrainTickets();
        var other = _folder.File("other.csv");
        File.WriteAllText(other, "Text,Topic\nmy parcel is late,delivery\ni paid,weather\n");

        var run = ToolRun.Of("evaluate", model, other, "--json").Succeeded();

        Assert.AreEqual(1, run.Json.GetProperty("rows").GetInt32());
        Assert.Contains("other.csv, line 3: the model does not know the class 'weather'.", run.Error);
    }

    [TestMethod]
    public void Choices_are_predicted_from_0_as_they_are_labelled()
    {
        var data = _folder.File("rows.csv");
        File.WriteAllLines(data, Enumerable.Range(0, 20).Select(i => $"my parcel,is late,is paid,{i % 2}").Prepend("text,a,b,label"));
        var model = Train(data, "model", "--task", "choices", "--choices", "a", "b");

        var lines = ToolRun.Of("predict", model, data, "--only-predictions", "--choices", "a", "b").Succeeded().Output.Trim().Split('\n')[1..];

        foreach (var line in lines)
        {
            var scores = line[(line.IndexOf(',') + 1)..].Split(' ').Select(score => float.Parse(score, CultureInfo.InvariantCulture)).ToArray();
            Assert.AreEqual(Array.IndexOf(scores, scores.Max()), int.Parse(line[..line.IndexOf(',')], CultureInfo.InvariantCulture));
        }
    }

    [TestMethod]
    public void A_metric_that_is_no_number_is_null_in_JSON()
    {
        var data = _folder.File("rows.csv");
        File.WriteAllLines(data, Enumerable.Range(0, 20).Select(i => $"my parcel is late {i},{i * 0.5}").Prepend("text,label"));
        var model = Train(data, "model", "--label", "label");
        var equal = _folder.File("equal.csv");
        File.WriteAllText(equal, "text,label\nmy parcel,1.5\ni paid,1.5\n");

        var metrics = ToolRun.Of("evaluate", model, equal, "--json").Succeeded().Json.GetProperty("metrics");

        Assert.AreEqual(JsonValueKind.Null, metrics.GetProperty("R²").ValueKind);
    }

    [TestMethod]
    [DataRow("train")]
    [DataRow("predict")]
    public void Termination_ends_with_130_and_leaves_no_file(string command)
    {
        if (OperatingSystem.IsWindows())
            Assert.Inconclusive("Windows has no signal to send.");
        var (data, model) = TrainTickets();
        var many = _folder.File("many.csv");
        File.WriteAllLines(many, Enumerable.Range(0, 200_000).Select(i => $"my parcel is late {i},{(i % 2 == 0 ? "delivery" : "billing")}").Prepend("Text,Topic"));
        var files = Directory.GetFiles(_folder.Path);
        string[] arguments = command == "train"
            ? ["train", data, "--label", "Topic", .. Small("--epochs"), "--epochs", "100000", "--output", _folder.File("new.zip")]
            : ["predict", model, many, "--output", _folder.File("new.csv")];
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "ptuning.dll"), .. arguments]) { RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();

        while (Directory.GetFiles(_folder.Path).Length == files.Length && command == "predict" && !process.HasExited)
            Thread.Sleep(50);
        Thread.Sleep(2000); // In the middle of the work.
        Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();

        // Handled as Ctrl+C is, whose signal a process does not get that was started in the background.
        var ended = process.WaitForExit(TimeSpan.FromSeconds(60));
        process.Kill();
        Assert.IsTrue(ended);
        Assert.AreEqual(130, process.ExitCode, errors.Result);
        CollectionAssert.AreEquivalent(files, Directory.GetFiles(_folder.Path));
    }

    [TestMethod]
    public void A_dry_run_shows_the_plan_and_writes_nothing()
    {
        var data = WriteTickets();

        var run = ToolRun.Of("train", data, "--label", "Topic", "--dry-run", "--json", "--output", _folder.File("m.zip")).Succeeded();

        Assert.AreEqual("classification", run.Json.GetProperty("task").GetString());
        Assert.Contains("classes     2: ", run.Error);
        Assert.IsFalse(File.Exists(_folder.File("m.zip")));
    }

    [TestMethod]
    public void Two_models_are_compared_on_the_same_rows()
    {
        var (data, model) = TrainTickets();
        var other = Train(data, "other", "--label", "Topic", "--method", "linear-probe");

        var json = ToolRun.Of("compare", model, other, data, "--json").Succeeded().Json;

        Assert.AreEqual(20, json.GetProperty("rows").GetInt32());
        var accuracy = ToolRun.Of("evaluate", model, data, "--json").Json.GetProperty("metrics").GetProperty("accuracy").GetDouble();
        Assert.AreEqual(accuracy, json.GetProperty("first").GetDouble(), 1e-9);
    }

    [TestMethod]
    public void Inspect_tells_task_method_epochs_and_the_mass_of_the_prefix()
    {
        var (data, model) = TrainTickets();

        var json = ToolRun.Of("inspect", model, "--data", data, "--heat-map", _folder.File("h.svg"), "--curves", _folder.File("c.svg"), "--json").Succeeded().Json;

        Assert.AreEqual("p-tuning-v2", json.GetProperty("method").GetString());
        Assert.AreEqual(3, json.GetProperty("prefixLength").GetInt32());
        Assert.IsInRange(0.0, 1.0, json.GetProperty("prefixMass").GetProperty("mass").GetDouble());
        Assert.IsTrue(File.Exists(_folder.File("h.svg")) && File.Exists(_folder.File("c.svg")));
    }

    [TestMethod]
    public void A_sweep_tries_its_values_and_goes_on_from_its_file()
    {
        var data = WriteTickets();
        string[] arguments =
        [
            "sweep", data, "--label", "Topic", "--search", "Grid", "--vary", "learning-rate=0.001,0.01", "prefix-length=2", "--results", _folder.File("trials.jsonl"), "--json",
            .. Small("--prefix-length"),
        ];

        var first = ToolRun.Of(arguments).Succeeded().Json;
        var second = ToolRun.Of(arguments).Succeeded();

        Assert.AreEqual(2, first.GetProperty("trials").GetArrayLength());
        Assert.HasCount(2, File.ReadAllLines(_folder.File("trials.jsonl")));
        Assert.AreEqual(first.GetRawText(), second.Json.GetRawText());
    }

    [TestMethod]
    [DataRow(2, "train")]
    [DataRow(2, "train", "a.csv", "--hold-out", "1")]
    [DataRow(2, "sweep", "a.csv", "--vary", "colour")]
    [DataRow(2, "predict", "a.zip", "a.csv", "--json")]
    [DataRow(1, "train", "no such file.csv")]
    [DataRow(1, "predict", "no such model.zip", "-")]
    public void Wrong_command_lines_and_missing_files_have_their_exit_codes(int code, params string[] arguments)
    {
        var run = ToolRun.Of(arguments);

        Assert.AreEqual(code, run.Code, run.Error);
        StringAssert.StartsWith(run.Error, "error ");
    }

    [TestMethod]
    public void A_failure_is_an_object_with_json_and_leaves_no_file()
    {
        var data = _folder.File("rows.csv");
        File.WriteAllText(data, "Text,Topic\na,x\nb\n");

        var run = ToolRun.Of("train", data, "--label", "Topic", "--strict", "--json", "--output", _folder.File("m.zip"));

        Assert.AreEqual(1, run.Code);
        Assert.Contains("line 3", run.Json.GetProperty("error").GetString()!);
        CollectionAssert.AreEqual(new[] { data }, Directory.GetFiles(_folder.Path));
    }

    private void AssertWholeWay(string file, string? header, IEnumerable<string> rows, string task, params string[] more)
    {
        var data = _folder.File(file);
        File.WriteAllLines(data, header is null ? rows : rows.Prepend(header));

        var model = Train(data, "model", ["--task", task, .. more]);
        var measured = ToolRun.Of(["evaluate", model, data, "--json", .. more]).Succeeded().Json;
        var predicted = ToolRun.Of(["predict", model, data, "--output-format", "jsonl", .. more]).Succeeded().Output.Trim().Split('\n');

        Assert.AreEqual(20, measured.GetProperty("rows").GetInt32());
        Assert.HasCount(20, predicted);
        foreach (var line in predicted)
            using (JsonDocument.Parse(line)) { }
    }

    private (string Data, string Model) TrainTickets()
    {
        var data = WriteTickets();
        return (data, Train(data, "Rows", "--label", "Topic"));
    }

    private string Train(string data, string name, params string[] more)
    {
        var model = _folder.File($"{name}.zip");
        ToolRun.Of(["train", data, "--output", model, .. Small([.. more, .. more.Contains("--method") ? new[] { "--prefix-length" } : []]), .. more]).Succeeded();
        return model;
    }

    private static string[] Small(params string[] without)
    {
        (string Name, string Value)[] options =
            [("--backbone", s_encoder.Path), ("--prefix-length", "3"), ("--max-length", "12"), ("--epochs", "1")];
        return [.. options.Where(option => !without.Contains(option.Name)).SelectMany(option => (string[])[option.Name, option.Value])];
    }

    private string WriteTickets()
    {
        var data = _folder.File("rows.csv");
        File.WriteAllLines(data, Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? $"my parcel is late {i},delivery" : $"i paid the invoice {i},billing").Prepend("Text,Topic"));
        return data;
    }
}
