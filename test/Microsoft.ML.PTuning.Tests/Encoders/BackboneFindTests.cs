using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Encoders;

/// <summary>What a saved model finds again.</summary>
[TestClass]
public sealed class BackboneFindTests
{
    private const string Commit = "86b5e0934494bd15c9632b12f734a8a67f723594";

    private readonly BackboneFolder _folder = new();

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    [DataRow("option")]
    [DataRow("option/encoder")]
    [DataRow("path")]
    [DataRow("path/encoder")]
    [DataRow("trained/encoder")]
    [DataRow("encoder")]
    [DataRow("backbones/encoder")]
    [DataRow("backbones/mini-cased")]
    public void Find_looks_in_every_documented_place(string path)
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        var directory = _folder.Make(path);

        Assert.AreEqual(directory, Find(reference).Directory);
    }

    [TestMethod]
    public void Find_looks_in_the_applications_folder_itself()
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        _folder.Make("");

        Assert.AreEqual(_folder.Root, Find(reference).Directory);
    }

    [TestMethod]
    [DataRow("google/bert", "path/google/bert")]
    [DataRow("google/bert", "path/bert")]
    [DataRow("google/bert", "hub/models--google--bert/snapshots/" + Commit)]
    public void Find_looks_up_a_hub_id(string name, string path)
    {
        var reference = Trained(BackboneKind.Hub, name) with { Revision = Commit };
        var directory = _folder.Make(path);

        Assert.AreEqual(new(BackboneKind.Hub, name, directory, Commit), Find(reference));
    }

    [TestMethod]
    public void Places_are_tried_in_the_documented_order()
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        string[] order =
        [
            "option", "option/encoder", "path", "path/encoder", "trained/encoder", "encoder", "backbones/encoder", "backbones/all-MiniLM-L6-v2",
            "backbones/mini-cased",
        ];
        foreach (var path in order)
            _folder.Make(path);

        var found = new List<string>();
        foreach (var _ in order)
        {
            var directory = Find(reference).Directory;
            found.Add(Path.GetRelativePath(_folder.Root, directory).Replace('\\', '/'));
            File.Delete(Path.Combine(directory, "config.json"));
        }

        CollectionAssert.AreEqual(order, found);
    }

    [TestMethod]
    public void A_mismatch_is_passed_over()
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        _folder.Make("option", hiddenSize: 768);
        _folder.Make("path", weights: "other weights");
        var right = _folder.Make("backbones/encoder");

        Assert.AreEqual(right, Find(reference).Directory);
    }

    [TestMethod]
    public void Where_nothing_matches_every_candidate_is_named_with_its_reason()
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        var other = _folder.Make("option", hiddenSize: 768);
        var retrained = _folder.Make("path", weights: "other weights");
        var relabelled = _folder.Make("path/encoder", vocabulary: "c b a");
        var empty = Directory.CreateDirectory(_folder["encoder"]).FullName;

        var message = Refusal(reference);

        StringAssert.Contains(message, $"{other} (option PTuning.BackboneDirectory): hidden size 768, expected 256");
        StringAssert.Contains(message, $"{retrained} (PTUNING_BACKBONE_PATH): model.safetensors has SHA-256");
        StringAssert.Contains(message, $"{relabelled} (PTUNING_BACKBONE_PATH): vocab.txt has SHA-256");
        StringAssert.Contains(message, $"{_folder["trained/encoder"]} (recorded at training): no such folder");
        StringAssert.Contains(message, $"{empty} (the application's folder): no config.json");
    }

    [TestMethod]
    public void A_configuration_that_cannot_be_read_is_a_reason()
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        File.WriteAllText(Path.Combine(_folder.Make("option"), "config.json"), "{ not json");

        StringAssert.Contains(Refusal(reference), $"{_folder["option"]} (option PTuning.BackboneDirectory): ");
    }

    [TestMethod]
    public void A_file_that_is_missing_is_a_reason()
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        File.Delete(Path.Combine(_folder.Make("option"), "vocab.txt"));

        StringAssert.Contains(Refusal(reference), "no vocab.txt");
    }

    [TestMethod]
    [DataRow("tokenizer_config.json")]
    [DataRow("special_tokens_map.json")]
    public void A_settings_file_that_the_tokenizer_did_not_have_at_training_is_a_reason(string file)
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        File.WriteAllText(Path.Combine(_folder.Make("option"), file), "{ \"do_lower_case\": false }");

        StringAssert.Contains(Refusal(reference), $"{file}, which the tokenizer would read, was not there at training");
    }

    [TestMethod]
    public void Files_that_the_tokenizer_does_not_read_are_no_reason()
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        var directory = _folder.Make("option");
        File.WriteAllText(Path.Combine(directory, "results.json"), "{}");

        Assert.AreEqual(directory, Find(reference).Directory);
    }

    [TestMethod]
    [DataRow("/{0}")]
    [DataRow(@"\\{0}")]
    [DataRow("../{0}")]
    [DataRow("")]
    public void A_recorded_folder_that_is_not_a_local_path_is_not_looked_at(string form)
    {
        var reference = Trained(BackboneKind.Directory, "encoder");
        _folder.Make("trained/encoder");

        var message = Refusal(reference with { Directory = string.Format(form, reference.Directory) });

        Assert.DoesNotContain("recorded at training", message);
    }

    [TestMethod]
    public void A_revision_that_leaves_the_hubs_cache_is_not_followed()
    {
        var reference = Trained(BackboneKind.Hub, "google/bert") with { Revision = "../../secret" };
        _folder.Make("hub/models--google--bert/snapshots");
        _folder.Make("hub/secret");

        Assert.DoesNotContain("Hugging Face cache)", Refusal(reference));
    }

    [TestMethod]
    [DataRow(nameof(BackboneKind.Embedded), "mini-cased", "reference the package Microsoft.ML.PTuning.Backbone.Mini in the version")]
    [DataRow(nameof(BackboneKind.Embedded), "all-MiniLM-L6-v2", "reference the package Microsoft.ML.PTuning.Backbone.MiniLM in the version")]
    [DataRow(nameof(BackboneKind.Hub), "google/bert", "hf download google/bert")]
    [DataRow(nameof(BackboneKind.Directory), "encoder", "MLContext.SetOption(\"PTuning.BackboneDirectory\", folder)")]
    public void The_refusal_names_the_way_out(string kind, string name, string advice)
    {
        var reference = Trained(Enum.Parse<BackboneKind>(kind), name);

        StringAssert.Contains(Refusal(reference), advice);
    }

    [TestMethod]
    public void A_name_that_leaves_the_folders_searched_is_not_followed()
    {
        var reference = Trained(BackboneKind.Directory, "encoder") with { Name = "../outside" };
        var outside = _folder.Make("outside");

        Assert.DoesNotContain(outside, Refusal(reference));
    }

    /// <summary>The reference of an encoder in <c>trained/encoder</c> that is gone since.</summary>
    private BackboneReference Trained(BackboneKind kind, string name)
    {
        var directory = _folder.Make("trained/encoder");
        var reference = _folder.Reference(new(kind, name, directory, null));
        Directory.Delete(directory, recursive: true);
        return reference;
    }

    private BackboneLocation Find(BackboneReference reference) => _folder.Locator(_folder["path"]).Find(reference, _folder["option"]);

    private string Refusal(BackboneReference reference) =>
        Assert.ThrowsExactly<DirectoryNotFoundException>(() => Find(reference)).Message;
}
