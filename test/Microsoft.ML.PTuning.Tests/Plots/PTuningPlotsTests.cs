using System.Buffers.Binary;
using System.Xml.Linq;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Plots;

[TestClass]
public sealed class PTuningPlotsTests
{
    private static readonly TemporaryDirectory s_folder = new();

    [ClassCleanup]
    public static void DeleteFolder() => s_folder.Dispose();

    [TestMethod]
    public void A_heat_map_as_SVG_has_the_number_of_every_cell_and_a_dash_where_no_prefix_is()
    {
        var path = s_folder.File("map.svg");

        Report().PlotHeatMap(path);

        var texts = Texts(path);
        foreach (var text in (string[])["0.10", "0.25", "0.40", "0.55", "head", "layer", "share of attention"])
            Assert.Contains(text, texts);
        Assert.Contains("–", texts);
        Assert.DoesNotContain("0.00", texts);
    }

    [TestMethod]
    public void Curves_as_SVG_have_a_panel_for_loss_metric_and_learning_rate()
    {
        var path = s_folder.File("curves.svg");

        Summary(epochs: 3, isValidated: true, hasRate: true).PlotCurves(path);

        var texts = Texts(path);
        foreach (var text in (string[])["loss", "accuracy", "learning rate", "at the epoch's end", "training rows", "validation set", "epoch"])
            Assert.Contains(text, texts);
    }

    [TestMethod]
    public void Curves_have_a_panel_for_the_test_that_found_the_learning_rate()
    {
        var path = s_folder.File("range.svg");

        Summary(epochs: 3, isValidated: false, hasRate: false, rangeTest: new() { LearningRate = 0.01, PlannedSteps = 6, Losses = [1, 0.9, 0.7, 0.3] })
            .PlotCurves(path);

        var texts = Texts(path);
        foreach (var text in (string[])["test of the learning rate", "learning rate", "1E-4", "loss, smoothed"])
            Assert.Contains(text, texts);
    }

    [TestMethod]
    public void Curves_without_validation_and_rate_leave_them_out()
    {
        var path = s_folder.File("short.svg");

        Summary(epochs: 1, isValidated: false, hasRate: false).PlotCurves(path);

        var texts = Texts(path);
        Assert.Contains("loss", texts);
        Assert.DoesNotContain("validation set", texts);
        Assert.DoesNotContain("learning rate", texts);
    }

    [TestMethod]
    [DataRow(2, 3, 1120, 348)]
    [DataRow(12, 12, 1648, 988)]
    public void A_PNG_grows_with_layers_and_heads(int layers, int heads, int width, int height)
    {
        var path = s_folder.File($"map{layers}.png");

        new PrefixReport(new double[layers, heads, 1], [.. Enumerable.Range(0, layers)], rows: 1, tokens: 1).PlotHeatMap(path);

        Assert.AreEqual((width, height), SizeOf(path));
    }

    [TestMethod]
    public void Curves_as_PNG_have_two_pixels_a_point()
    {
        var path = s_folder.File("curves.png");

        Summary(epochs: 3, isValidated: true, hasRate: true).PlotCurves(path);

        Assert.AreEqual((1980, 640), SizeOf(path));
    }

    [TestMethod]
    public void Another_ending_is_refused()
    {
        var refusal = Assert.ThrowsExactly<ArgumentException>(() => Report().PlotHeatMap(s_folder.File("map.jpg")));

        Assert.Contains("ends in '.jpg'; expected .png or .svg", refusal.Message);
    }

    [TestMethod]
    public void A_summary_without_epochs_is_refused() =>
        Assert.ThrowsExactly<InvalidOperationException>(() => Summary(epochs: 0, isValidated: false, hasRate: false).PlotCurves(s_folder.File("none.png")));

    [TestMethod]
    public void A_trained_model_is_drawn()
    {
        using var model = new TinyModel();

        model.Transformer.Summary!.PlotCurves(s_folder.File("trained.png"));
        model.Transformer.ExplainPrefix(model.Data).PlotHeatMap(s_folder.File("trained-map.png"));

        Assert.AreEqual((1980, 640), SizeOf(s_folder.File("trained.png")));
        Assert.AreEqual((1120, 412), SizeOf(s_folder.File("trained-map.png")));
    }

    /// <summary>Two layers of two heads; and one below them without a prefix.</summary>
    private static PrefixReport Report() =>
        new(new double[,,] { { { 0 }, { 0 } }, { { 0.1 }, { 0.25 } }, { { 0.4 }, { 0.55 } } }, prefixLayers: [1, 2], rows: 7, tokens: 70);

    private static TrainingSummary Summary(int epochs, bool isValidated, bool hasRate, LearningRateTest? rangeTest = null) => new()
    {
        TrainedParameters = 1,
        TrainedShare = 0.1,
        TensorBytes = 4,
        RowsUsed = 1,
        RowsSkipped = 0,
        RowsTruncated = 0,
        Epochs = [.. Enumerable.Range(1, epochs).Select(epoch => new EpochSummary
        {
            Epoch = epoch,
            Loss = 1.0 / epoch,
            Metric = 1 - 0.5 / epoch,
            ValidationLoss = isValidated ? 1.1 / epoch : null,
            ValidationMetric = isValidated ? 1 - 0.6 / epoch : null,
            LearningRate = hasRate ? 0.005 / epoch : null,
            MetricName = "accuracy",
        })],
        BestEpoch = epochs,
        LearningRateTest = rangeTest,
        Warnings = [],
        Seed = 1,
        Shards = 1,
        TrainingTime = TimeSpan.FromSeconds(1),
        SamplesPerSecond = 1,
    };

    private static string[] Texts(string path) => [.. XDocument.Load(path).Descendants().Where(node => node.Name.LocalName == "text").Select(node => node.Value.Trim())];

    /// <summary>From the header of a PNG.</summary>
    private static (int Width, int Height) SizeOf(string path)
    {
        var header = File.ReadAllBytes(path).AsSpan(0, 24);
        return (BinaryPrimitives.ReadInt32BigEndian(header[16..]), BinaryPrimitives.ReadInt32BigEndian(header[20..]));
    }
}
