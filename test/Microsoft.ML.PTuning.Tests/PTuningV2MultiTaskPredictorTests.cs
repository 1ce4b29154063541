using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Scoring;
using Microsoft.ML.PTuning.Tests.Tasks;

namespace Microsoft.ML.PTuning.Tests;

[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class PTuningV2MultiTaskPredictorTests
{
    private static readonly MLContext Context = new(1);
    private static readonly TuningMethod Short = new DeepPrefix { PrefixLength = 3 };
    private static MixedModels s_models = null!;

    [ClassInitialize]
    public static void Create(TestContext context) => s_models = new MixedModels();

    [ClassCleanup]
    public static void Dispose() => s_models.Dispose();

    [TestMethod]
    public async Task Models_of_all_tasks_and_prompts_answer_as_their_prediction_engines_do()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        MixedRow[] rows = [MixedRow.Draw(5), MixedRow.Draw(6), MixedRow.Draw(7)];
        var expected = new Dictionary<string, Said[]>();
        var asked = new Dictionary<string, Task<Said[]>>();
        foreach (var (method, m) in MixedModels.Methods.Select((method, m) => (method, m)))
        {
            foreach (var (kind, k) in TaskKind.All.Select((kind, k) => (kind, k)))
            {
                var (name, model) = ($"{m} {k} {kind.Task.GetType().Name}", s_models.Create(kind.Task, method, 10 * m + k));
                predictor.Add(name, model);
                expected[name] = kind.Engine(model, rows);
                asked[name] = Task.WhenAll(rows.Select(row => kind.AskAsync(predictor, name, row)));
            }
        }

        foreach (var (name, said) in asked)
            foreach (var (before, now) in expected[name].Zip(await said))
                Said.AreClose(before, now, name);
    }

    [TestMethod]
    public async Task Sixty_four_callers_get_their_own_answers()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        MixedRow[] rows = [.. Enumerable.Range(0, 8).Select(MixedRow.Draw)];
        var models = MixedModels.Methods.Select((method, m) => s_models.Create(TaskKind.All[m].Task, method, m)).ToArray();
        for (var m = 0; m < models.Length; m++)
            predictor.Add($"{m}", models[m]);
        var expected = models.Select((model, m) => TaskKind.All[m].Engine(model, rows)).ToArray();

        await Task.WhenAll(Enumerable.Range(0, 64).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < 16; i++)
            {
                var (m, row) = ((caller + i) % models.Length, (caller * 3 + i) % rows.Length);
                var said = await TaskKind.All[m].AskAsync(predictor, $"{m}", rows[row]);
                Said.AreClose(expected[m][row], said, $"caller {caller}, model {m}, row {row}");
            }
        })));
    }

    [TestMethod]
    public async Task Models_are_replaced_removed_and_disposed_under_load()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context, new() { OwnsTransformers = true });
        var (kind, row) = (TaskKind.All[2], MixedRow.Draw(1));
        var answers = Enumerable.Range(0, 2).Select(seed => kind.Engine(New(seed), [row])[0].Numbers[0]).ToArray();
        predictor.Set("kept", New(0));

        using var stop = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            var calls = 0;
            for (; calls < 5 || !stop.IsCancellationRequested; calls++)
            {
                var said = (await kind.AskAsync(predictor, "kept", row)).Numbers[0];
                Assert.IsTrue(answers.Any(answer => MathF.Abs(answer - said) < 1e-4f), $"{said} is neither model's.");
            }
            return calls;
        })).ToArray();
        for (var i = 0; i < 30; i++)
        {
            predictor.Set("kept", New(i % 2));
            predictor.Add("passing", New(0));
            var under = kind.AskAsync(predictor, "passing", row);
            Assert.IsTrue(predictor.Remove("passing"));
            Assert.AreEqual(answers[0], (await under).Numbers[0], 1e-4f);
        }
        await stop.CancelAsync();

        Assert.IsGreaterThanOrEqualTo(40, (await Task.WhenAll(callers)).Sum());
        CollectionAssert.AreEqual(new[] { "kept" }, predictor.ModelNames.ToArray());

        PTuningV2Transformer New(int seed) => s_models.Create(kind.Task, Short, seed);
    }

    [TestMethod]
    public async Task Several_models_are_asked_about_a_text_with_one_run_through_their_trunk()
    {
        CountingBackbone? counting = null;
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        string[] names = [.. Enumerable.Range(0, 8).Select(i => $"model {i}")];
        var models = names.Select((_, i) => s_models.Create(
            Any.Regression, new DeepPrefix { PrefixLength = 3, PrefixLayers = 1 }, i, inner => counting ??= new CountingBackbone(inner))).ToArray();
        for (var i = 0; i < names.Length; i++)
            predictor.Add(names[i], models[i]);
        var row = MixedRow.Draw(2);

        var answers = await predictor.PredictAllAsync<MixedRow, Rating>(names, row);

        CollectionAssert.AreEqual(new[] { 1, 1, 8 }, counting!.Rows);
        foreach (var (name, model) in names.Zip(models))
            Assert.AreEqual(EngineOf(model, row), answers[name].Score, 1e-5f * (1 + MathF.Abs(answers[name].Score)), name);

        static float EngineOf(PTuningV2Transformer model, MixedRow row)
        {
            using var engine = Context.Model.CreatePredictionEngine<MixedRow, Rating>(model, new PredictionEngineOptions { OwnsTransformer = false });
            return engine.Predict(row).Score;
        }
    }

    [TestMethod]
    public async Task Chain_converts_labels_and_passes_columns_through()
    {
        var chain = LabelChain();
        using var engine = Context.Model.CreatePredictionEngine<MixedRow, Labelled>(chain, new PredictionEngineOptions { OwnsTransformer = false });
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        predictor.Add("chain", chain);

        foreach (var row in Enumerable.Range(0, 4).Select(MixedRow.Draw))
        {
            var (expected, actual) = (engine.Predict(row), await predictor.PredictAsync<MixedRow, Labelled>("chain", row));

            Assert.Contains(actual.PredictedLabel, (string[])["x", "y", "z"]);
            Assert.AreEqual((expected.PredictedLabel, expected.Label, row.Number), (actual.PredictedLabel, actual.Label, actual.Count));
            CollectionAssert.AreEqual(row.Words, actual.Words);
        }
    }

    [TestMethod]
    public async Task Loaded_chain_answers_as_the_one_that_was_saved()
    {
        using var folder = new TemporaryDirectory();
        var chain = LabelChain();
        Context.Model.Save(chain, Context.Data.LoadFromEnumerable<MixedRow>([]).Schema, folder.File("chain.zip"));
        using var predictor = new PTuningV2MultiTaskPredictor(Context, new() { OwnsTransformers = true });

        predictor.Add("saved", chain);
        predictor.Add("loaded", Context.Model.Load(folder.File("chain.zip"), out _));
        var said = await predictor.PredictAllAsync<MixedRow, Labelled>(["saved", "loaded"], MixedRow.Draw(1));

        Assert.AreEqual(said["saved"].PredictedLabel, said["loaded"].PredictedLabel);
        Assert.AreEqual(said["saved"].Score[0], said["loaded"].Score[0], 1e-5f);
    }

    [TestMethod]
    [DataRow("alone", "chained")]
    [DataRow("chained", "alone")]
    public void Model_that_is_there_alone_and_in_a_chain_is_disposed_with_the_last_of_them(string first, string last)
    {
        var model = s_models.Create(TaskKind.All[0].Task, Short);
        using var predictor = new PTuningV2MultiTaskPredictor(Context, new() { OwnsTransformers = true });
        predictor.Add("alone", model);
        predictor.Add("chained", new TransformerChain<ITransformer>(model));

        predictor.Remove(first);
        Assert.IsFalse(model.Model.IsDisposed);

        predictor.Remove(last);
        Assert.IsTrue(model.Model.IsDisposed);
    }

    [TestMethod]
    public void Model_that_its_owner_disposed_keeps_no_other_out()
    {
        using var encoder = new MixedModels();
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        var gone = encoder.Create(TaskKind.All[0].Task, Short);
        predictor.Add("gone", gone);
        gone.Dispose(); // The last on its encoder, which is loaded anew for the next.

        predictor.Add("next", encoder.Create(TaskKind.All[0].Task, Short));

        Assert.HasCount(2, predictor.ModelNames);
    }

    [TestMethod]
    public async Task Batch_entry_of_a_model_agrees_with_its_prediction_engine()
    {
        var model = s_models.Create(TaskKind.All[0].Task, Short);
        MixedRow[] rows = [.. Enumerable.Range(0, 100).Select(MixedRow.Draw)];

        var expected = TaskKind.All[0].Engine(model, rows);
        var actual = await Task.Run(() => model.Predict<MixedRow, Classified>(rows));

        Assert.HasCount(rows.Length, actual);
        foreach (var (before, now) in expected.Zip(actual))
            Said.AreClose(before, new(now.Score, $"{now.PredictedLabel}"), "batch");
    }

    [TestMethod]
    public async Task Type_without_a_column_that_the_model_reads_is_refused_and_others_go_on()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        predictor.Add("model", s_models.Create(Any.Regression, Short));

        var missing = await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(() => predictor.PredictAsync<Rating, Rating>("model", new()));
        var wrong = await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(() => predictor.PredictAsync<Numbered, Rating>("model", new()));

        Assert.Contains("'Sentence1' is missing", missing.Message);
        Assert.Contains("'Sentence1' is Single", wrong.Message);
        Assert.IsNotNull(await predictor.PredictAsync<MixedRow, Rating>("model", MixedRow.Draw(0)));
    }

    [TestMethod]
    public async Task Row_that_cannot_be_read_fails_for_its_caller_alone()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        predictor.Add("model", s_models.Create(Any.Regression, Short));

        await Assert.ThrowsAsync<Exception>(() => predictor.PredictAsync<Fallible, Rating>("model", new Fallible { Fails = true }));

        Assert.IsNotNull(await predictor.PredictAsync<Fallible, Rating>("model", new Fallible()));
    }

    [TestMethod]
    public async Task Unknown_and_doubled_names_are_refused()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        predictor.Add("known", s_models.Create(Any.Regression, Short));

        var unknown = await Assert.ThrowsExactlyAsync<ArgumentException>(() => predictor.PredictAsync<MixedRow, Rating>("other", new()));
        var twice = await Assert.ThrowsExactlyAsync<ArgumentException>(() => predictor.PredictAllAsync<MixedRow, Rating>(["known", "known"], new()));

        Assert.AreEqual("There is no model 'other'. The predictor has: 'known'. Add it first.", unknown.Message);
        Assert.Contains("named twice", twice.Message);
        Assert.IsFalse(predictor.Remove("other"));
        Assert.ThrowsExactly<ArgumentException>(() => predictor.Add("known", s_models.Create(Any.Regression, Short)));
    }

    [TestMethod]
    public void Chains_with_no_or_two_models_are_refused()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        var model = s_models.Create(Any.Regression, Short);

        var none = Assert.ThrowsExactly<ArgumentException>(() => predictor.Add("none", new TransformerChain<ITransformer>()));
        var two = Assert.ThrowsExactly<ArgumentException>(() => predictor.Add("two", new TransformerChain<ITransformer>(model, model)));

        Assert.Contains("contains 0 P-Tuning v2 models", none.Message);
        Assert.Contains("contains 2 P-Tuning v2 models", two.Message);
    }

    [TestMethod]
    public void Model_on_another_encoder_is_refused()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        using var others = new MixedModels("roberta");
        predictor.Add("first", s_models.Create(Any.Regression, Short));

        var refusal = Assert.ThrowsExactly<ArgumentException>(() => predictor.Add("second", others.Create(Any.Regression, Short)));

        Assert.Contains("Model 'second' stands on the encoder", refusal.Message);
        Assert.Contains("Use a predictor for each encoder.", refusal.Message);
    }

    [TestMethod]
    public async Task Same_encoder_in_two_folders_serves_both_models()
    {
        using var others = new MixedModels();
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        var (kind, row) = (TaskKind.All[2], MixedRow.Draw(1));
        var models = new[] { s_models.Create(kind.Task, Short, 1), others.Create(kind.Task, Short, 2) };
        predictor.Add("0", models[0]);
        predictor.Add("1", models[1]);

        var said = await Task.WhenAll(Enumerable.Range(0, 2).Select(i => kind.AskAsync(predictor, $"{i}", row)));

        for (var i = 0; i < 2; i++)
            Assert.AreEqual(kind.Engine(models[i], [row])[0].Numbers[0], said[i].Numbers[0], 1e-5f);
    }

    [TestMethod]
    public async Task Disposed_models_and_predictors_are_refused()
    {
        var predictor = new PTuningV2MultiTaskPredictor(Context);
        var model = s_models.Create(Any.Regression, Short);
        predictor.Add("model", model);
        model.Dispose();

        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => predictor.PredictAsync<MixedRow, Rating>("model", MixedRow.Draw(0)));
        Assert.ThrowsExactly<ObjectDisposedException>(() => predictor.Set("model", model));
        predictor.Dispose();
        predictor.Dispose();
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => predictor.PredictAsync<MixedRow, Rating>("model", MixedRow.Draw(0)));
        Assert.ThrowsExactly<ObjectDisposedException>(() => predictor.Remove("model"));
    }

    [TestMethod]
    public void Nothing_in_place_of_a_model_or_a_row_throws_at_once()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context);

        Assert.ThrowsExactly<ArgumentNullException>(() => { _ = predictor.PredictAsync<MixedRow, Rating>(null!, MixedRow.Draw(0)); });
        Assert.ThrowsExactly<ArgumentNullException>(() => { _ = predictor.PredictAsync<MixedRow, Rating>("model", null!); });
        Assert.ThrowsExactly<ArgumentNullException>(() => { _ = predictor.PredictAllAsync<MixedRow, Rating>(null!, MixedRow.Draw(0)); });
        Assert.ThrowsExactly<ArgumentNullException>(() => { _ = predictor.PredictAllAsync<MixedRow, Rating>(["model"], null!); });
    }

    [TestMethod]
    public async Task Predictor_that_owns_its_models_leaves_no_tensor_behind()
    {
        await AskOnceAsync(); // Worker threads and the like.
        var before = LiveTensors.CountSettled();

        await AskOnceAsync();

        Assert.AreEqual(before, LiveTensors.Count);

        static async Task AskOnceAsync()
        {
            using var predictor = new PTuningV2MultiTaskPredictor(Context, new() { OwnsTransformers = true });
            foreach (var (kind, k) in TaskKind.All.Select((kind, k) => (kind, k)))
                predictor.Add($"{k}", s_models.Create(kind.Task, Short));
            await Task.WhenAll(TaskKind.All.SelectMany((kind, k) =>
                Enumerable.Range(1, 5).Select(i => kind.AskAsync(predictor, $"{k}", MixedRow.Draw(i)))));
        }
    }

    [TestMethod]
    [DataRow(0, 1, 0)]
    [DataRow(1, 0, 0)]
    [DataRow(1, 1, -1)]
    public void Options_out_of_range_are_refused(int maxBatchSize, int capacity, int delay) =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new PTuningV2MultiTaskPredictor(
            Context, new() { MaxBatchSize = maxBatchSize, Capacity = capacity, MaxDelay = TimeSpan.FromMilliseconds(delay) }));

    /// <summary>Numbers to keys, a classifier of x, y and z, its keys to values; a chain within a chain.</summary>
    private static TransformerChain<ITransformer> LabelChain()
    {
        var data = Context.Data.LoadFromEnumerable([MixedRow.Draw(0), MixedRow.Draw(1), MixedRow.Draw(2)]);
        var before = Context.Transforms.Conversion.MapValueToKey("Label", "Number").Fit(data);
        var model = s_models.Create(TaskKind.All[0].Task, Short, 4);
        var after = Context.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(model.Transform(before.Transform(data)));
        return new TransformerChain<ITransformer>(new TransformerChain<ITransformer>(before, model), after);
    }

    private sealed class Labelled
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];

        public uint Label { get; set; }

        [ColumnName("Number")]
        public int Count { get; set; }

        public string[] Words { get; set; } = [];
    }

    private sealed class Numbered
    {
        public float Sentence1 { get; set; }
    }

    private sealed class Fallible
    {
        public bool Fails { get; set; }

        public string Sentence1 => Fails ? throw new InvalidOperationException("It cannot be read.") : "a b";
    }
}
