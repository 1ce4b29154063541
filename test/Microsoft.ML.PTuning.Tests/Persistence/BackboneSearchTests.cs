using System.Reflection;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>A model whose encoder has been moved since it was saved: found again where the user says, refused where another one lies.</summary>
[TestClass]
[DoNotParallelize]
public class BackboneSearchTests
{
    private const string Option = "PTuning.BackboneDirectory", Variable = "PTUNING_BACKBONE_PATH";
    private static readonly MLContext Context = new(1);
    private static readonly TemporaryDirectory Folder = new();
    private static readonly string Moved = Folder.File("moved/encoder");
    private static IDataView s_data = null!;
    private static IReadOnlyList<TopicScores> s_expected = [];
    private static byte[] s_zip = [], s_mlNetZip = [];

    [ClassInitialize]
    public static void TrainAndMoveTheEncoder(TestContext context)
    {
        using var encoder = new TinyEncoder();
        var trainedOn = Copy(encoder.Path, Folder.File("first/encoder"));
        var options = encoder.Options();
        options.Backbone = trainedOn;
        s_data = Tickets.Keyed(Context, Tickets.Rows(24));
        using (var model = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(s_data))
        {
            s_expected = Scores.Read(Context, model.Transform(s_data));
            using var own = new MemoryStream();
            model.SaveTo(own);
            using var mlNet = new MemoryStream();
            Context.Model.Save(model, s_data.Schema, mlNet);
            (s_zip, s_mlNetZip) = (own.ToArray(), mlNet.ToArray());
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Moved)!);
        Directory.Move(trainedOn, Moved);
    }

    [ClassCleanup]
    public static void Delete() => Folder.Dispose();

    [TestMethod]
    public void Missing_backbone_is_refused_with_every_place_and_the_ways_out()
    {
        var message = Refusal(new MLContext()).Message;

        Assert.Contains("'encoder' (bert, hidden size 8, 3 layers, 2 heads, vocabulary of 30)", message);
        Assert.Contains($"{Folder.File("first/encoder")} (recorded at training): no such folder", message);
        Assert.Contains("(the application's folder)", message);
        Assert.Contains("(package Microsoft.ML.PTuning.Backbone.Mini): hidden size 256, expected 8; 4 layers, expected 3", message);
        Assert.Contains("Nothing is downloaded.", message);
        Assert.Contains(Option, message);
        Assert.Contains(Variable, message);
    }

    [TestMethod]
    [DataRow("moved/encoder")]
    [DataRow("moved")]
    public void Option_of_the_context_leads_to_the_backbone_or_the_folder_above_it(string path)
    {
        using var loaded = Load(With(Folder.File(path)));

        Assert.AreEqual(Moved, loaded.Backbone.Directory);
        Scores.AssertEqual(s_expected, Scores.Read(Context, loaded.Transform(s_data)));
    }

    [TestMethod]
    public void Option_of_the_context_reaches_ML_NET_s_own_loading()
    {
        using var loaded = (PTuningV2Transformer)With(Moved).Model.Load(new MemoryStream(s_mlNetZip), out _);

        Scores.AssertEqual(s_expected, Scores.Read(Context, loaded.Transform(s_data)));
    }

    [TestMethod]
    public void Refusal_reaches_the_caller_of_ML_NET_s_own_loading()
    {
        var refusal = Assert.ThrowsExactly<TargetInvocationException>(() => new MLContext().Model.Load(new MemoryStream(s_mlNetZip), out _));

        Assert.IsInstanceOfType<DirectoryNotFoundException>(refusal.InnerException);
    }

    [TestMethod]
    public void Environment_variable_leads_to_the_backbone()
    {
        var before = Environment.GetEnvironmentVariable(Variable);
        Environment.SetEnvironmentVariable(Variable, string.Join(Path.PathSeparator, Folder.File("nowhere"), Folder.File("moved")));
        try
        {
            using var loaded = Load(new MLContext());

            Assert.AreEqual(Moved, loaded.Backbone.Directory);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, before);
        }
    }

    [TestMethod]
    public void Backbone_of_another_shape_is_refused_with_both_shapes()
    {
        var mini = Path.Combine(AppContext.BaseDirectory, "backbones", "mini-cased");

        var message = Refusal(With(mini)).Message;

        Assert.Contains($"{mini} (option {Option}): hidden size 256, expected 8", message);
    }

    [TestMethod]
    [DataRow("model.safetensors")]
    [DataRow("vocab.txt")]
    public void Backbone_of_the_same_shape_with_another_file_is_refused_with_both_hashes(string file)
    {
        using var other = new TemporaryDirectory();
        var path = Path.Combine(Copy(Moved, other.File("encoder")), file);
        var bytes = File.ReadAllBytes(path);
        bytes[^2] ^= 1;
        File.WriteAllBytes(path, bytes);

        var message = Refusal(With(other.File("encoder"))).Message;

        Assert.Contains($"{file} has SHA-256", message);
        Assert.Contains("..., expected ", message);
    }

    [TestMethod]
    public void Wrong_backbone_in_the_option_does_not_hide_the_right_one_elsewhere()
    {
        Copy(Moved, Folder.File("first/encoder"));
        try
        {
            using var loaded = Load(With(Path.Combine(AppContext.BaseDirectory, "backbones", "mini-cased")));

            Assert.AreEqual(Folder.File("first/encoder"), loaded.Backbone.Directory);
        }
        finally
        {
            Directory.Delete(Folder.File("first/encoder"), recursive: true);
        }
    }

    private static MLContext With(string directory)
    {
        var mlContext = new MLContext();
        mlContext.SetOption(Option, directory);
        return mlContext;
    }

    private static PTuningV2Transformer Load(MLContext mlContext) => PTuningV2Transformer.LoadFrom(mlContext, new MemoryStream(s_zip));

    private static DirectoryNotFoundException Refusal(MLContext mlContext)
    {
        var before = LiveTensors.CountSettled();

        var refusal = Assert.ThrowsExactly<DirectoryNotFoundException>(() => Load(mlContext));

        Assert.AreEqual(before, LiveTensors.Count);
        return refusal;
    }

    private static string Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        return to;
    }
}
