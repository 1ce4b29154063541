using PaperTasks;
using PaperTasks.DataSets;
using PaperTasks.Experiments;
using PaperTasks.Methods;

namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>Facts and the texts that say them: their files, the lives that nobody lived, what is measured.</summary>
[TestClass]
public sealed class DescribedFactsTests
{
    private static readonly RequestedSettings OneEpoch = new(4, null, null, null, 1, null, 48, null, null, false, []);

    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public void All_texts_of_the_same_facts_are_one_row()
    {
        DescribedFacts[] rows = Read(
            """
            mr,ref
            "name[Aromi], food[Thai]",Aromi is Thai.
            name[Zizzi],"Zizzi, ""the"" pub."
            "name[Aromi], food[Thai]","Thai food: Aromi."
            """);

        CollectionAssert.AreEqual((string[])["name : Aromi | food : Thai", "name : Zizzi"], rows.Select(row => row.Text).ToArray());
        CollectionAssert.AreEqual((string[])["Aromi is Thai.", "Thai food: Aromi."], rows[0].References.ToArray());
        Assert.AreEqual("Zizzi, \"the\" pub.", rows[1].References.Single());
        Assert.AreEqual((2, 3), (rows[0].Line, rows[1].Line));
    }

    [TestMethod]
    [DataRow("meaning,ref\n", "line 1: expected the columns mr and ref, found meaning and ref.")]
    [DataRow("mr,ref\nname[Aromi]\n", "line 2: expected facts and a text, found one column.")]
    [DataRow("mr,ref\nname Aromi,It is.\n", "line 2: expected facts such as name[Aromi], food[Thai], found 'name Aromi'.")]
    [DataRow("mr,ref\n,It is.\n", "line 2: expected facts such as name[Aromi], food[Thai], found none.")]
    public void What_is_no_such_file_is_told_with_its_line(string file, string message) =>
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Read(file)).Message, message);

    [TestMethod]
    public void Every_text_of_a_life_says_all_its_facts_and_no_other_year()
    {
        (DescribedFacts[] train, DescribedFacts[] dev) = Lives(60, 20, seed: 3);

        Assert.AreEqual((60, 20), (train.Length, dev.Length));
        foreach (DescribedFacts row in train.Concat(dev))
        {
            string[] years = [.. row.Facts.Where(fact => fact.Key is "born" or "died").Select(fact => fact.Value)];
            foreach (string text in row.References)
            {
                foreach (KeyValuePair<string, string> fact in row.Facts)
                    StringAssert.Contains(text, fact.Value);
                CollectionAssert.AreEquivalent(years, text.Split(' ', '.', ',').Where(word => int.TryParse(word, out _)).ToArray(), text);
            }
        }
        Assert.IsTrue(train.All(row => row.References.Count == 1) && dev.Any(row => row.References.Count > 2));
    }

    [TestMethod]
    public void No_life_is_told_twice_and_the_seed_decides_them_all()
    {
        (DescribedFacts[] train, DescribedFacts[] dev) = Lives(60, 20, seed: 3);

        CollectionAssert.AllItemsAreUnique(train.Concat(dev).Select(row => row.Facts[0].Value).ToArray());
        CollectionAssert.AreEqual(train.Select(row => row.Text).ToArray(), Lives(60, 20, seed: 3).Train.Select(row => row.Text).ToArray());
        Assert.AreNotEqual(train[0].Text, Lives(60, 20, seed: 4).Train[0].Text);
    }

    [TestMethod]
    public void The_share_of_told_values_counts_words_as_they_stand()
    {
        DescribedFacts[] rows = [Facts("Ann met Eve.", ("who", "Ann"), ("met", "Eve"), ("in", "York")), Facts("", ("who", "May"))];

        Assert.AreEqual(3.0 / 4, WritingExperiment.ValuesTold(rows, ["ann was in York", "May"]), 1e-9);
    }

    [TestMethod]
    public void The_text_with_the_most_facts_in_common_is_taken()
    {
        DescribedFacts[] train =
        [
            Facts("Ann of York.", ("name", "Ann"), ("from", "York")), Facts("Eve of York married Bob.", ("name", "Eve"), ("from", "York"), ("married", "Bob")),
        ];
        DescribedFacts[] dev = [Facts("Eve of York married Bob.", ("name", "May"), ("from", "York"), ("married", "Tom")), Facts("Ann of York.", ("name", "May"))];

        Assert.AreEqual(1, Measure("nearest", new WritingData(train, dev))["exactMatch"]);
    }

    [TestMethod]
    public void The_most_frequent_text_is_the_least_that_can_be_written()
    {
        DescribedFacts[] rows = [Facts("It is.", ("name", "Ann")), Facts("It was.", ("name", "Eve")), Facts("It is.", ("name", "May"))];

        Assert.AreEqual(2.0 / 3, Measure("majority", new WritingData(rows, rows))["exactMatch"], 1e-9);
    }

    [TestMethod]
    [DataRow("ptuning-v2", false)]
    [DataRow("ptuning-v2", true)]
    [DataRow("lora", true)]
    [DataRow("fine-tuning", true)]
    public void Texts_are_learned_and_measured(string method, bool continues)
    {
        using var model = new TinyWriter("gpt2");
        DescribedFacts[] rows = [Facts("x cd", ("a", "ab"), ("b", "c")), Facts("cd", ("a", "c")), Facts("cd x", ("b", "ab"))];

        RunResult result = Run(method, new WritingData(rows, rows), model.Path, OneEpoch with { Writing = new(new() { MaxNewTokens = 4 }, continues) });

        CollectionAssert.AreEqual(
            (string[])["bleu", "rougeL", "chrf", "exactMatch", "valuesTold"], result.Metrics.Select(metric => metric.Key).ToArray());
        Assert.IsTrue(result.Metrics.All(metric => metric.Value is >= 0 and <= 1), string.Join(", ", result.Metrics));
        Assert.AreEqual((3, 3), (result.TrainRows, result.DevRows));
    }

    [TestMethod]
    public void The_command_line_says_how_texts_are_written()
    {
        var arguments = PaperTasks.CommandLine.Create().Parse("--task e2e --data d --max-new-tokens 40 --beams 4 --continues-text");

        Assert.HasCount(0, arguments.Errors);
        WritingSettings writing = WritingOptions.AddTo(OneEpoch, arguments).Writing!;
        Assert.AreEqual((40, 4, true), (writing.Generation.MaxNewTokens, writing.Generation.Beams, writing.ContinuesText));
        Assert.AreEqual("MaxNewTokens 40, Beams 4, ContinuesText", writing.Describe());
        Assert.IsNull(WritingSettings.Usual.Describe());
    }

    [TestMethod]
    [DataRow("--task sst2 --data d --beams 4", "--beams is for e2e, not for sst2.")]
    [DataRow("--task e2e --data d --beams 0", "--beams: expected a whole number of at least 1, found '0'.")]
    [DataRow("--task squad --data d --method nearest", "--method nearest is for e2e, not for squad.")]
    [DataRow("--task e2e --data d --pooling mean", "and copa, not for e2e.")]
    public void Options_that_mean_nothing_to_a_task_are_refused(string arguments, string message) =>
        Assert.Contains(message, string.Join('\n', PaperTasks.CommandLine.Create().Parse(arguments).Errors.Select(error => error.Message)));

    private static DescribedFacts Facts(string text, params (string Name, string Value)[] facts) =>
        new([.. facts.Select(fact => KeyValuePair.Create(fact.Name, fact.Value))], [text], Line: 1);

    private static IReadOnlyDictionary<string, double> Measure(string method, WritingData data) =>
        Run(method, data, backbone: null, OneEpoch).Metrics.ToDictionary(metric => metric.Key, metric => metric.Value);

    private static RunResult Run(string name, WritingData data, string? backbone, RequestedSettings requested)
    {
        Method method = Method.Named(name);
        var library = new PTuningV2Trainer.TextGenerationOptions { Method = method.Tuning(requested) };
        return Experiment.Run(method, new TrainingRun(
            data, Settings.Resolve(method.HasPrefix, requested, preset: null, library), backbone, Seed: 1, new Progress<TrainingProgress>(), CancellationToken.None));
    }

    private (DescribedFacts[] Train, DescribedFacts[] Dev) Lives(int rows, int devRows, int seed)
    {
        DataFiles files = Biographies.Write(_folder.Path, rows, devRows, seed);
        Assert.AreEqual(files, DataFiles.Find(PaperTask.Named("e2e"), _folder.Path));
        return ([.. E2e.Read(files.Train)], [.. E2e.Read(files.Dev)]);
    }

    private DescribedFacts[] Read(string text)
    {
        _folder.Write("trainset.csv", text);
        return [.. E2e.Read(Path.Combine(_folder.Path, "trainset.csv"))];
    }
}
