namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>What a saved model takes: its tensors, its labels' names, and 8 KiB at most for everything else; never the encoder.</summary>
[TestClass]
public class SavedSizeTests
{
    private const int EverythingElse = 8 * 1024;
    private static readonly MLContext Context = new(1);

    [TestMethod]
    [DataRow(3, 200, 1)]
    [DataRow(0, 200, 1)]
    [DataRow(3, 2, 100)]
    [DataRow(0, 2, 100)]
    public void Entries_take_the_tensors_bytes_the_labels_bytes_and_8_KiB_at_most(int prefixLength, int classes, int epochs)
    {
        using var encoder = new TinyEncoder();
        string[] labels = [.. Enumerable.Range(0, classes).Select(i => $"topic number {i}")];
        var rows = Context.Data.LoadFromEnumerable(Tickets.Rows(classes).Select((row, i) => new Ticket { Text = row.Text, Topic = labels[i] }));
        var data = Context.Transforms.Conversion.MapValueToKey("Label", "Topic").Fit(rows).Transform(rows);
        var options = encoder.Options();
        (options.PrefixLength, options.MaxEpochs, options.ValidationSet) = (prefixLength, epochs, data);
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(data);

        using var zip = new MemoryStream();
        Context.Model.Save(model, data.Schema, zip);
        var bytes = ZipBytes.Entries(zip.ToArray(), e => e.FullName.Contains("TransformerChain") ? (e.CompressedLength, e.Length) : default);

        var target = model.Summary!.TensorBytes + labels.Sum(label => label.Length) + EverythingElse;
        Assert.IsLessThanOrEqualTo(target, bytes.Sum(e => e.CompressedLength), "as stored");
        Assert.IsLessThanOrEqualTo(target, bytes.Sum(e => e.Length), "unpacked");
    }

    [TestMethod]
    public void Whole_zip_on_the_default_encoder_is_a_small_part_of_it()
    {
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Text", maxEpochs: 1)
            .Fit(Tickets.Keyed(Context, Tickets.Rows(12)));

        using var zip = new MemoryStream();
        model.SaveTo(zip);

        Assert.IsLessThan(0.02 * model.Backbone.FileBytes, zip.Length);
    }
}
