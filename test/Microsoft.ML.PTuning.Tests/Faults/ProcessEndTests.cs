using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Faults;

/// <summary>A process that ends, with an exit code of its own, while other threads compute.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ProcessEndTests : HostileTest
{
    private const int Times = 4; // Without care two processes of three end with a signal.

    [TestMethod]
    public void Process_ends_with_its_own_code_while_a_model_scores() => RunAgain(() =>
    {
        using var training = new TinyTraining();
        var model = training.Fit(TinyTraining.Texts(40));
        var rows = TinyTraining.Texts(2000);
        EndWhile(() => training.Scores(model, rows));
    });

    [TestMethod]
    public void Process_ends_with_its_own_code_while_a_model_is_trained() => RunAgain(() =>
    {
        using var training = new TinyTraining();
        training.Options.MaxEpochs = 1000;
        EndWhile(() => training.Fit(TinyTraining.Texts(40)));
    });

    private void RunAgain(Action body)
    {
        for (var i = 0; i < (IsChild ? 1 : Times); i++)
            Run("", _ => body());
    }

    private static void EndWhile(Action computing)
    {
        var thread = new Thread(() =>
        {
            while (true)
                computing();
        })
        { IsBackground = true };
        thread.Start();
        Thread.Sleep(Random.Shared.Next(500, 800)); // Any moment will do.
        Environment.Exit(0);
    }
}
