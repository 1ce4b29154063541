using System.Buffers.Binary;
using Google.Protobuf;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>The events are read as TensorBoard reads them: records with checksums, each a protocol buffer.</summary>
[TestClass]
public sealed class TensorBoardLogTests
{
    [TestMethod]
    public void Steps_and_epochs_of_a_training_are_in_the_events()
    {
        using var folder = new TemporaryDirectory();
        using var training = new TinyTraining();
        var steps = new List<TrainingProgress>();
        var log = new TensorBoardLog(folder.Path);
        training.Options.MaxEpochs = 2;
        training.Options.Progress = new EveryStep(progress =>
        {
            steps.Add(progress);
            log.Report(progress);
        });

        using var model = training.Fit(TinyTraining.Texts(20), TinyTraining.Texts(10));
        log.Complete(model.Summary!);

        var events = Read(folder.Path);
        var epochs = model.Summary!.Epochs;
        AreEqual(steps.Select(step => (step.Step, step.Loss)), events["train/loss"]);
        AreEqual(steps.Select(step => (step.Step, step.LearningRate)), events["train/learning_rate"]);
        AreEqual(epochs.Select(epoch => (epoch.Epoch, epoch.Metric)), events["train/accuracy"]);
        AreEqual(epochs.Select(epoch => (epoch.Epoch, epoch.ValidationMetric!.Value)), events["validation/accuracy"]);
        AreEqual(epochs.Select(epoch => (epoch.Epoch, epoch.ValidationLoss!.Value)), events["validation/loss"]);
    }

    [TestMethod]
    public void Tasks_have_names_of_their_own()
    {
        using var folder = new TemporaryDirectory();
        var log = new TensorBoardLog(folder.File("new"));

        foreach (var task in (string[])["queue", "urgency"])
            log.Report(new TrainingProgress
            {
                Task = task,
                Epoch = 2,
                Epochs = 2,
                Step = 5,
                Steps = 8,
                Loss = 0.5,
                Metric = 0.75,
                MetricName = "accuracy",
                LearningRate = 0.01,
                SamplesPerSecond = 1,
                TimeLeft = TimeSpan.Zero,
            });

        CollectionAssert.AreEquivalent(
            new[] { "queue/train/loss", "queue/train/learning_rate", "queue/train/accuracy", "urgency/train/loss", "urgency/train/learning_rate", "urgency/train/accuracy" },
            Read(folder.File("new")).Keys.ToArray());
    }

    private static void AreEqual(IEnumerable<(int Step, double Value)> expected, List<(int Step, float Value)> found) =>
        CollectionAssert.AreEqual(expected.Select(point => (point.Step, (float)point.Value)).ToArray(), found);

    private static Dictionary<string, List<(int Step, float Value)>> Read(string folder)
    {
        var scalars = new Dictionary<string, List<(int, float)>>();
        var bytes = File.ReadAllBytes(Directory.GetFiles(folder, "events.out.tfevents.*").Single());
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
            Assert.AreEqual(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            Assert.AreEqual(Masked(bytes.AsSpan(at + 12, length)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
            ReadEvent(new CodedInputStream(bytes, at + 12, length), scalars);
            at += 12 + length + 4;
        }
        return scalars;
    }

    // Event: step = 2, summary = 5; Summary: value = 1; Value: tag = 1, simple_value = 2.
    private static void ReadEvent(CodedInputStream input, Dictionary<string, List<(int, float)>> scalars)
    {
        var (step, tag, value) = (0, "", float.NaN);
        for (var field = input.ReadTag(); field != 0; field = input.ReadTag())
        {
            switch (field >> 3)
            {
                case 2:
                    step = (int)input.ReadInt64();
                    break;
                case 5:
                    var values = input.ReadBytes().CreateCodedInput();
                    values.ReadTag();
                    var scalar = values.ReadBytes().CreateCodedInput();
                    for (var inner = scalar.ReadTag(); inner != 0; inner = scalar.ReadTag())
                    {
                        if (inner >> 3 == 1)
                            tag = scalar.ReadString();
                        else if (inner >> 3 == 2)
                            value = scalar.ReadFloat();
                        else
                            scalar.SkipLastField();
                    }
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }
        if (tag.Length > 0)
            (scalars.TryGetValue(tag, out var points) ? points : scalars[tag] = []).Add((step, value));
    }

    /// <summary>CRC-32C, rotated and shifted as in TensorFlow's records.</summary>
    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var one in bytes)
        {
            crc ^= one;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0x82F63B78;
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }
}
