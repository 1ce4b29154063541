namespace Microsoft.ML.PTuning.Tests.Explaining;

[TestClass]
public sealed class PrefixReportTests
{
    private static TinyModel s_model = null!;

    [ClassInitialize]
    public static void Train(TestContext context) => s_model = new TinyModel(40);

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    public void Report_counts_rows_tokens_layers_heads_and_positions()
    {
        var report = s_model.Transformer.ExplainPrefix(s_model.Data);

        Assert.AreEqual(40, report.Rows);
        Assert.AreEqual(s_model.Rows.Sum(row => Math.Min(12, row.Text.Split(' ').Length + 2)), report.Tokens); // [CLS], [SEP], a token per word, at most MaxLength.
        Assert.AreEqual("3 2 3", $"{report.Layers} {report.Heads} {report.PrefixLength}");
    }

    [TestMethod]
    public void Masses_of_heads_are_sums_over_positions_and_the_others_are_means_of_them()
    {
        var report = s_model.Transformer.ExplainPrefix(s_model.Data);

        Assert.AreEqual(Enumerable.Range(0, 3).Sum(position => report.MassAt(1, 0, position)), report.HeadMasses[1][0], 1e-12);
        Assert.AreEqual((report.HeadMasses[1][0] + report.HeadMasses[1][1]) / 2, report.LayerMasses[1], 1e-12);
        Assert.AreEqual(report.LayerMasses.Average(), report.Mass, 1e-12);
        Assert.AreEqual(report.Mass, report.PositionMasses.Sum(), 1e-12);
    }

    [TestMethod]
    public void Report_of_all_rows_is_the_mean_of_single_rows_weighted_by_their_tokens()
    {
        var all = s_model.Transformer.ExplainPrefix(s_model.Data);

        PrefixReport[] single = [.. s_model.Rows.Select(row => s_model.Transformer.ExplainPrefix(Tickets.Keyed(s_model.MLContext, [row])))];

        Assert.AreEqual(single.Sum(report => report.Tokens * report.HeadMasses[2][1]) / all.Tokens, all.HeadMasses[2][1], 1e-5);
    }

    [TestMethod]
    public void Text_has_a_line_for_the_data_and_one_per_layer()
    {
        var lines = s_model.Transformer.ExplainPrefix(s_model.Data).ToString().Split('\n');

        Assert.HasCount(4, lines);
        StringAssert.StartsWith(lines[0], "Attention on the prefix: ");
        StringAssert.StartsWith(lines[3], "Layer 2: ");
    }

    [TestMethod]
    [DataRow(3, 0, 0, "layer")]
    [DataRow(0, -1, 0, "head")]
    [DataRow(0, 0, 3, "position")]
    public void A_number_that_is_not_there_is_refused(int layer, int head, int position, string name)
    {
        var report = s_model.Transformer.ExplainPrefix(s_model.Data);

        Assert.AreEqual(name, Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => report.MassAt(layer, head, position)).ParamName);
    }

    [TestMethod]
    public void A_model_without_a_prefix_is_refused()
    {
        using var model = s_model.MLContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = s_model.Encoder.Path,
            Method = new BitFit(),
            MaxLength = 12,
            MaxEpochs = 1,
        }).Fit(s_model.Data);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => model.ExplainPrefix(s_model.Data));
        Assert.Contains("trained by the method bitfit", refusal.Message);
    }

    [TestMethod]
    public void Data_without_rows_or_without_the_text_is_refused()
    {
        var none = Tickets.Keyed(s_model.MLContext, []);
        var unread = s_model.MLContext.Transforms.DropColumns("Text").Fit(s_model.Data).Transform(s_model.Data);

        Assert.Contains("The data has 0 rows", Assert.ThrowsExactly<InvalidOperationException>(() => s_model.Transformer.ExplainPrefix(none)).Message);
        Assert.AreEqual("Text", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => s_model.Transformer.ExplainPrefix(unread)).ParamName);
    }

    [TestMethod]
    public void A_disposed_model_explains_nothing()
    {
        var loaded = s_model.Load(s_model.Save());
        loaded.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => loaded.ExplainPrefix(s_model.Data));
    }
}
