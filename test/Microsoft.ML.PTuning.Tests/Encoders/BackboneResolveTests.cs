using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Encoders;

/// <summary>What a user names at training.</summary>
[TestClass]
public sealed class BackboneResolveTests
{
    private const string Commit = "86b5e0934494bd15c9632b12f734a8a67f723594";

    private readonly BackboneFolder _folder = new();

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    public void Nothing_named_is_the_default_encoder_beside_the_application()
    {
        var directory = _folder.Make("backbones/mini-cased");

        Assert.AreEqual(new(BackboneKind.Embedded, "mini-cased", directory, null), _folder.Locator().Resolve(null));
    }

    [TestMethod]
    public void Where_both_are_deployed_the_sentence_encoder_is_the_default()
    {
        _folder.Make("backbones/mini-cased");
        var directory = _folder.Make("backbones/all-MiniLM-L6-v2");

        Assert.AreEqual(new(BackboneKind.Embedded, "all-MiniLM-L6-v2", directory, null), _folder.Locator().Resolve(null));
    }

    [TestMethod]
    [DataRow("mini-cased")]
    [DataRow("all-MiniLM-L6-v2")]
    public void A_bundled_encoder_is_found_by_its_name(string name)
    {
        _folder.Make("backbones/mini-cased");
        _folder.Make("backbones/all-MiniLM-L6-v2");

        Assert.AreEqual(
            new(BackboneKind.Embedded, name, Path.Combine(_folder.Root, "backbones", name), null), _folder.Locator().Resolve(name));
    }

    [TestMethod]
    public void Without_the_default_encoder_the_error_names_its_package() =>
        StringAssert.Contains(Refusal(null), "Reference the package Microsoft.ML.PTuning.Backbone.MiniLM,");

    [TestMethod]
    public void A_bundled_encoder_that_is_not_deployed_is_refused_with_its_package()
    {
        _folder.Make("backbones/all-MiniLM-L6-v2");

        StringAssert.Contains(Refusal("mini-cased"), "Reference the package Microsoft.ML.PTuning.Backbone.Mini,");
    }

    [TestMethod]
    public void A_folder_is_taken_with_its_full_path_and_its_own_name()
    {
        var directory = _folder.Make("my encoder");

        Assert.AreEqual(
            new(BackboneKind.Directory, "my encoder", directory, null),
            _folder.Locator().Resolve(directory + Path.DirectorySeparatorChar));
    }

    [TestMethod]
    public void A_folder_without_a_configuration_is_refused() =>
        StringAssert.Contains(Refusal(_folder.Root), "no config.json");

    [TestMethod]
    [DataRow("")]
    [DataRow(" ")]
    public void An_empty_name_is_refused_as_one(string name) =>
        StringAssert.Contains(Refusal(name), "The option Backbone is an empty text");

    [TestMethod]
    [DataRow("../nowhere")]
    [DataRow("/no/such/folder")]
    public void A_path_to_nothing_is_refused_as_a_folder(string path) =>
        StringAssert.Contains(Refusal(path), Path.GetFullPath(path));

    [TestMethod]
    [DataRow("bert-base-uncased", "models/bert-base-uncased")]
    [DataRow("google/bert-base", "models/google/bert-base")]
    [DataRow("google/bert-base", "models/bert-base")]
    public void A_hub_id_is_found_below_a_folder_of_the_search_path(string name, string path)
    {
        var directory = _folder.Make(path);

        Assert.AreEqual(new(BackboneKind.Hub, name, directory, null), _folder.Locator(_folder["models"]).Resolve(name));
    }

    [TestMethod]
    public void A_hub_id_is_found_where_the_search_path_names_the_encoders_own_folder()
    {
        var directory = _folder.Make("bert-base");

        Assert.AreEqual(directory, _folder.Locator(directory).Resolve("google/bert-base").Directory);
    }

    [TestMethod]
    public void Another_encoders_folder_in_the_search_path_is_not_taken_for_a_hub_id()
    {
        var other = _folder.Make("other");

        StringAssert.Contains(Refusal("bert-base", other), "'bert-base' was not found");
    }

    [TestMethod]
    [DataRow("google/bert-base")]
    [DataRow("google/bert-base@main")]
    [DataRow("google/bert-base@" + Commit)]
    public void A_hub_id_is_found_in_the_hubs_cache_with_its_commit(string name)
    {
        var directory = MakeSnapshot();

        Assert.AreEqual(new(BackboneKind.Hub, "google/bert-base", directory, Commit), _folder.Locator().Resolve(name));
    }

    [TestMethod]
    public void A_revision_that_is_named_is_not_looked_up_in_folders_that_tell_none()
    {
        _folder.Make("models/bert-base");

        StringAssert.Contains(Refusal("google/bert-base@" + Commit, _folder["models"]), "tell no revision");
    }

    [TestMethod]
    public void A_hub_id_that_is_not_there_is_refused_with_every_place_and_the_command_to_fetch_it()
    {
        var message = Refusal("google/bert-base", _folder["models"]);

        StringAssert.Contains(message, _folder["models"]);
        StringAssert.Contains(message, _folder["hub"]);
        StringAssert.Contains(message, "hf download google/bert-base");
    }

    [TestMethod]
    public void A_cache_without_the_branch_is_refused_with_the_revisions_it_has()
    {
        MakeSnapshot();
        File.Delete(_folder["hub/models--google--bert-base/refs/main"]);

        StringAssert.Contains(Refusal("google/bert-base"), Commit);
    }

    [TestMethod]
    public void A_reference_in_the_cache_that_leaves_its_folder_is_not_followed()
    {
        MakeSnapshot();
        _folder.Make("hub/secret");
        File.WriteAllText(_folder["hub/models--google--bert-base/refs/main"], "../../secret");

        StringAssert.Contains(Refusal("google/bert-base"), "was not found");
    }

    private string MakeSnapshot()
    {
        Directory.CreateDirectory(_folder["hub/models--google--bert-base/refs"]);
        File.WriteAllText(_folder["hub/models--google--bert-base/refs/main"], Commit);
        return _folder.Make($"hub/models--google--bert-base/snapshots/{Commit}");
    }

    private string Refusal(string? name, params string[] searchPath) =>
        Assert.ThrowsExactly<DirectoryNotFoundException>(() => _folder.Locator(searchPath).Resolve(name)).Message;
}
