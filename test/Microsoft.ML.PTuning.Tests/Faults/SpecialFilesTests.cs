using System.Net.Sockets;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Interop;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Faults;

/// <summary>What is no file in the place of a file. Whoever opened a FIFO would wait for ever.</summary>
[TestClass]
[DoNotParallelize]
[OSCondition(OperatingSystems.Linux)]
public sealed class SpecialFilesTests
{
    private const int Milliseconds = 120_000;

    private static readonly string[] s_files =
    [
        "config.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json", "modules.json", "model.safetensors",
        "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "model.onnx", "onnx/model.onnx",
        "mp_rank_00_model_states.pt",
    ];

    private readonly TemporaryDirectory _folder = new();

    private string Target => _folder.File("target");

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    [Timeout(Milliseconds, CooperativeCancellation = false)]
    public void In_place_of_any_file_of_an_encoder_they_are_refused_by_name()
    {
        foreach (var name in s_files)
        {
            foreach (var (kind, make) in Kinds)
            {
                using var encoder = new TinyEncoder();
                var path = Path.Combine(encoder.Path, name);
                if (name.Contains("model.", StringComparison.Ordinal) || name.Contains("_model", StringComparison.Ordinal))
                    File.Delete(encoder.Checkpoint.WeightsPath);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.Delete(path);
                make(path);

                var refusal = Assert.ThrowsExactly<IOException>(() => Fit(encoder), $"{kind} in place of {name}");

                StringAssert.Contains(refusal.Message, $"'{path}' is {kind}, expected a regular file.");
            }
        }
    }

    [TestMethod]
    [Timeout(Milliseconds, CooperativeCancellation = false)]
    [DataRow("config.json")]
    [DataRow("vocab.txt")]
    [DataRow("model.safetensors")]
    public void Folder_or_dangling_link_in_place_of_a_needed_file_is_refused_with_the_folder(string name)
    {
        foreach (var make in (Action<string>[])[path => Directory.CreateDirectory(path), path => File.CreateSymbolicLink(path, "/nowhere")])
        {
            using var encoder = new TinyEncoder();
            var path = Path.Combine(encoder.Path, name);
            File.Delete(path);
            make(path);

            StringAssert.Contains(Assert.Throws<Exception>(() => Fit(encoder)).Message, encoder.Path);
        }
    }

    [TestMethod]
    [Timeout(Milliseconds, CooperativeCancellation = false)]
    public void In_place_of_a_model_they_are_neither_read_nor_replaced()
    {
        using var model = new TinyModel();
        foreach (var (kind, make) in Kinds)
        {
            make(Target);
            var expected = $"'{Target}' is {kind}, expected a regular file.";

            StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => PTuningV2Transformer.LoadFrom(model.MLContext, Target)).Message, expected);
            StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => model.Transformer.SaveTo(Target)).Message, expected);

            StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => RegularFile.Require(Target)).Message, expected);
            File.Delete(Target);
        }
    }

    [TestMethod]
    [Timeout(Milliseconds, CooperativeCancellation = false)]
    public void Model_is_saved_where_a_dangling_link_leads()
    {
        using var model = new TinyModel();
        var link = _folder.File("current.zip");
        File.CreateSymbolicLink(link, Target);

        model.Transformer.SaveTo(link);

        Assert.IsTrue(File.Exists(Target));
        Assert.AreEqual(Target, new FileInfo(link).LinkTarget);
    }

    [TestMethod]
    [Timeout(Milliseconds, CooperativeCancellation = false)]
    public void In_place_of_results_they_are_refused()
    {
        foreach (var (kind, make) in Kinds)
        {
            make(Target);

            StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => JsonLinesFile.Open(Target).Dispose()).Message, $"'{Target}' is {kind}");
            StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => JsonLinesFile.Read(Target)).Message, $"'{Target}' is {kind}");

            File.Delete(Target);
        }
    }

    [TestMethod]
    [Timeout(Milliseconds, CooperativeCancellation = false)]
    public void In_place_of_cached_files_they_are_replaced()
    {
        using var encoder = new TinyEncoder();
        var weights = encoder.Checkpoint.WeightsPath;
        var hash = new Fingerprint(_folder.Path).Of(weights);
        new NativeBackend([NativeFiles.Folder], _folder.Path).Load();
        foreach (var (_, make) in Kinds)
        {
            string[] files = Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories);
            foreach (var file in files)
            {
                File.Delete(file);
                make(file);
            }

            Assert.AreEqual(hash, new Fingerprint(_folder.Path).Of(weights));
            new NativeBackend([NativeFiles.Folder], _folder.Path).Load();

            foreach (var file in files)
                RegularFile.Require(file);
        }
    }

    [TestMethod]
    [Timeout(Milliseconds, CooperativeCancellation = false)]
    public void In_place_of_checkpoints_they_are_passed_over_and_in_place_of_the_mark_they_are_refused()
    {
        using var training = new TinyTraining();
        var rows = TinyTraining.Texts(20);
        var expected = training.FitAndScore(rows);
        training.Options.CheckpointDirectory = _folder.Path;
        foreach (var (kind, make) in Kinds)
        {
            training.FitAndScore(rows);
            var newest = Directory.GetFiles(_folder.Path, "step-*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last();
            File.Delete(newest);
            make(newest);

            CollectionAssert.AreEqual(expected, training.FitAndScore(rows));
            StringAssert.Contains(string.Join('\n', training.Log), $"The checkpoint is passed over: '{newest}' is {kind}");

            var mark = Path.Combine(Path.GetDirectoryName(newest)!, "in-use");
            File.Delete(mark);
            make(mark);
            StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => training.FitAndScore(rows)).Message, $"'{mark}' is {kind}");
            Directory.Delete(Path.GetDirectoryName(newest)!, recursive: true);
        }
    }

    private static (string Kind, Action<string> Make)[] Kinds =>
    [
        ("a FIFO", path => HostileTest.Shell("mkfifo", path)),
        ("a socket", path =>
        {
            var bound = Path.Combine(Path.GetTempPath(), $"s{Guid.NewGuid():N}"); // The path of a socket is short.
            using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            {
                socket.Bind(new UnixDomainSocketEndPoint(bound));
                File.Move(bound, path);
            }
        }),
        ("a device", path => File.CreateSymbolicLink(path, "/dev/zero")),
    ];

    private static void Fit(TinyEncoder encoder)
    {
        var context = new MLContext(1);
        context.MulticlassClassification.Trainers.PTuningV2(encoder.Options()).Fit(Tickets.Keyed(context, Tickets.Rows(24))).Dispose();
    }
}
