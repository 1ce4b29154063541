using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>Models in files of their own, and what a loaded one says of itself.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ModelFileTests
{
    private static TinyModel s_model = null!;

    private readonly TemporaryDirectory _folder = new();

    private string Target => _folder.File("model.zip");

    [ClassInitialize]
    public static void Train(TestContext context) => s_model = new TinyModel();

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    public void Saved_file_holds_what_a_stream_gets()
    {
        s_model.Transformer.SaveTo(Target);
        using var loaded = PTuningV2Transformer.LoadFrom(s_model.MLContext, Target);

        var expected = s_model.Save();
        CollectionAssert.AreEqual(ZipBytes.Read(expected, "Prompt.json"), ZipBytes.Read(File.ReadAllBytes(Target), "Prompt.json"));
        CollectionAssert.AreEqual(
            s_model.Score().SelectMany(row => row.Score).ToArray(), s_model.Score(loaded).SelectMany(row => row.Score).ToArray());
    }

    [TestMethod]
    public void Half_precision_file_is_smaller()
    {
        s_model.Transformer.SaveTo(Target, halfPrecision: true);

        Assert.IsLessThan(s_model.Save().Length, new FileInfo(Target).Length);
    }

    [TestMethod]
    public void Save_that_fails_leaves_the_old_file()
    {
        using var gone = s_model.Load(s_model.Save());
        gone.SaveTo(Target);
        var before = File.ReadAllBytes(Target);
        gone.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => gone.SaveTo(Target));

        CollectionAssert.AreEqual(before, File.ReadAllBytes(Target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder.Path));
    }

    [TestMethod]
    public void File_that_is_no_model_is_refused_by_its_name()
    {
        File.WriteAllText(Target, "text");

        var refusal = Assert.ThrowsExactly<FormatException>(() => PTuningV2Transformer.LoadFrom(s_model.MLContext, Target));

        StringAssert.StartsWith(refusal.Message, $"'{Target}' holds no readable zip");
    }

    [TestMethod]
    public void Missing_file_and_no_name_are_refused()
    {
        Assert.ThrowsExactly<FileNotFoundException>(() => PTuningV2Transformer.LoadFrom(s_model.MLContext, Target));
        Assert.Throws<ArgumentException>(() => PTuningV2Transformer.LoadFrom(s_model.MLContext, ""));
        Assert.Throws<ArgumentException>(() => s_model.Transformer.SaveTo(""));
    }

    [TestMethod]
    public void Loaded_model_says_its_classes_method_and_prefix_length()
    {
        using var loaded = s_model.Load(s_model.Save());

        CollectionAssert.AreEqual(Tickets.Topics, loaded.Classes.ToArray());
        Assert.AreEqual(("p-tuning-v2", 3), (loaded.Method, loaded.PrefixLength));
        Assert.AreEqual(s_model.Encoder.Path, loaded.Backbone.Directory);
    }

    [TestMethod]
    public void Model_of_numbers_without_a_prefix_has_no_classes_and_a_prefix_length_of_0()
    {
        using var training = new TinyTraining();
        training.Options.PrefixLength = 0;
        using var model = training.Fit(TinyTraining.Ratings(20));

        Assert.IsEmpty(model.Classes);
        Assert.AreEqual(("linear-probe", 0), (model.Method, model.PrefixLength));
    }

    [TestMethod]
    public void Model_on_a_bundled_encoder_holds_no_folder_of_the_machine_that_trained_it()
    {
        var mlContext = new MLContext(1);
        using var model = mlContext.Regression.Trainers
            .PTuningV2(backbone: "mini-cased", prefixLength: 0, maxEpochs: 1, sentence1ColumnName: "Text")
            .Fit(mlContext.Data.LoadFromEnumerable(TinyTraining.Ratings(8)));
        model.SaveTo(Target);

        var json = System.Text.Encoding.UTF8.GetString(ZipBytes.Read(File.ReadAllBytes(Target), "Prompt.json"));
        Assert.DoesNotContain("\"directory\":", json);
        Assert.DoesNotContain(AppContext.BaseDirectory, json);
        using var loaded = PTuningV2Transformer.LoadFrom(new MLContext(), Target);
        Assert.AreEqual("mini-cased", loaded.Backbone.Name);
    }
}
