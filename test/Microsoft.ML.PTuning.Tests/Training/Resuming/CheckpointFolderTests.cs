namespace Microsoft.ML.PTuning.Tests.Training.Resuming;

/// <summary>Which checkpoints are kept, passed over and refused.</summary>
[TestClass]
[DoNotParallelize]
public sealed class CheckpointFolderTests : StoppedTraining
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void So_many_checkpoints_are_kept(int kept)
    {
        Make();
        (Training.Options.Advanced.CheckpointSteps, Training.Options.Advanced.CheckpointsKept) = (1, kept);
        StopAt(9);

        Assert.ThrowsExactly<OperationCanceledException>(() => Run());

        Assert.HasCount(kept, Files());
    }

    [TestMethod]
    public void Damaged_checkpoint_is_passed_over()
    {
        Make();
        var expected = Run();
        (Training.Options.Advanced.CheckpointSteps, Training.Options.Advanced.CheckpointEpochs) = (2, 0);
        StopAt(8);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        using (var file = File.OpenWrite(Newest()))
            file.SetLength(file.Length / 2);
        var steps = StopAt(int.MaxValue);

        AssertSame(expected, Run());
        Assert.AreEqual(7, steps[0].Step);
        StringAssert.Contains(string.Join('\n', Training.Log), "The checkpoint is passed over: ");
    }

    /// <summary>Its name ranks above those of the steps to come.</summary>
    [TestMethod]
    public void Damaged_checkpoint_does_not_push_out_new_ones()
    {
        Make();
        Training.Options.Advanced.CheckpointsKept = 1;
        StopAt(13);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        File.WriteAllText(Newest(), "damaged");
        File.WriteAllText(Newest() + ".5f.tmp", "of a process that was killed while it wrote");
        StopAt(4);

        Assert.ThrowsExactly<OperationCanceledException>(() => Run());

        Assert.AreEqual("step-0000000004.safetensors", Path.GetFileName(Files().Single()));
        Assert.IsEmpty(Directory.GetFiles(Path.Combine(Folder, "model"), "*.tmp"));
    }

    [TestMethod]
    public void Other_options_are_named()
    {
        Make();
        StopAt(4);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        StopAt(int.MaxValue);
        (Training.Options.LearningRate, Training.Options.MaxLength, Training.Options.PrefixLength) = (0.03, 10, 5);

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => Run());

        string[] parts =
        [
            $"The checkpoints in '{Path.Combine(Folder, "model")}' are of another training: ", "LearningRate is 0.03, there 0.02",
            "maxLength is 10, there 12", "prefixLength is 5, there 4", "To train anew, name another CheckpointDirectory, or delete the folder.",
        ];
        foreach (var part in parts)
            StringAssert.Contains(failure.Message, part);
    }

    [TestMethod]
    public void Other_rows_are_refused()
    {
        Make();
        StopAt(4);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        StopAt(int.MaxValue);

        foreach (var rows in new[] { TinyTraining.Texts(40, seed: 5), [.. Rows.Reverse()], Rows[..39] })
        {
            var failure = Assert.ThrowsExactly<InvalidOperationException>(() => Training.Fit(rows));
            StringAssert.Contains(failure.Message, "are of another training: ");
            StringAssert.Contains(failure.Message, "the set of training rows is another");
        }
    }

    [TestMethod]
    public void Another_encoder_is_refused()
    {
        Make();
        StopAt(4);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run());
        using var other = new TinyTraining();
        other.Options.CheckpointDirectory = Folder;
        using (var file = File.OpenWrite(Path.Combine(other.Options.Backbone!, "model.safetensors")))
        {
            file.Position = file.Length - 4;
            file.Write(BitConverter.GetBytes(0.25f));
        }

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => other.Fit(Rows));

        StringAssert.Contains(failure.Message, "the content of the encoder is another");
    }

    [TestMethod]
    public void Folder_in_use_is_refused()
    {
        Make();
        Training.Options.CheckpointDirectory = Folder;
        IOException? failure = null;
        Training.Options.Progress = new EveryStep(_ =>
        {
            if (failure is not null)
                return;
            using var second = new TinyTraining();
            second.Options.CheckpointDirectory = Folder;
            failure = Assert.ThrowsExactly<IOException>(() => second.Fit(Rows));
        });

        Training.Fit(Rows).Dispose();

        StringAssert.Contains(failure!.Message, "Another training may be running in it");
    }

    [TestMethod]
    public void Folder_that_cannot_be_made_is_an_error_before_the_first_step()
    {
        Make();
        File.WriteAllText(Folder, "a file");
        try
        {
            Training.Options.CheckpointDirectory = Folder;
            var steps = 0;
            Training.Options.Progress = new EveryStep(_ => steps++);

            var failure = Assert.ThrowsExactly<IOException>(() => Training.Fit(Rows));

            StringAssert.Contains(failure.Message, $"CheckpointDirectory: '{Path.Combine(Folder, "model")}' cannot be used: ");
            Assert.AreEqual(0, steps);
        }
        finally
        {
            File.Delete(Folder);
        }
    }

    [TestMethod]
    public void Disk_that_refuses_a_checkpoint_does_not_end_theTraining()
    {
        Make();
        var expected = Run();
        Training.Options.CheckpointDirectory = Folder;
        Training.Options.Progress = new EveryStep(step =>
        {
            if (step.Step == 3)
                Directory.Delete(Folder, recursive: true);
        });

        AssertSame(expected, Run());
        StringAssert.Contains(string.Join('\n', Training.Log), "No checkpoint could be written after step 5; training goes on: ");
    }
}
