namespace Microsoft.ML.PTuning.Tests.Tool;

/// <content>Projects that <c>ptuning new</c> writes.</content>
public sealed partial class ToolCommandTests
{
    [TestMethod]
    [DataRow("console", "Rows.consumption.cs,Rows.csproj,Rows.mlnet,Program.cs")]
    [DataRow("webapi", "Rows.consumption.cs,Rows.csproj,Rows.mlnet,Program.cs")]
    [DataRow("modelbuilder", "Rows.consumption.cs,Rows.training.cs,Rows.evaluate.cs,Rows.mbconfig,Rows.csproj,Rows.mlnet,Program.cs")]
    public void New_writes_a_project_and_never_over_files(string kind, string files)
    {
        var (data, model) = TrainTickets();
        var folder = _folder.File("project");

        ToolRun.Of("new", kind, model, "--output", folder, "--data", data).Succeeded();
        var again = ToolRun.Of("new", kind, model, "--output", folder);

        CollectionAssert.AreEquivalent(files.Split(','), Directory.GetFiles(folder).Select(Path.GetFileName).ToArray());
        Assert.AreEqual(1, again.Code);
        Assert.Contains("has files", again.Error);
    }

    [TestMethod]
    public void Generated_rows_have_the_columns_where_the_data_file_has_them()
    {
        var (data, model) = TrainTickets();

        ToolRun.Of("new", "modelbuilder", model, "--output", _folder.File("project"), "--data", data).Succeeded();

        var code = File.ReadAllText(_folder.File("project/Rows.consumption.cs"));
        Assert.Contains("[LoadColumn(0)]\n        [ColumnName(@\"Text\")]", code);
        Assert.Contains("[LoadColumn(1)]\n        [ColumnName(@\"Topic\")]", code);
    }

    [TestMethod]
    public void Options_of_writing_are_refused_for_another_task()
    {
        var run = ToolRun.Of(["train", WriteTickets(), "--label", "Topic", "--output", _folder.File("no.zip"), "--beams", "2", .. Small()]);

        Assert.AreEqual(1, run.Code);
        Assert.IsFalse(File.Exists(_folder.File("no.zip")));
    }
}
