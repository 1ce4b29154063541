namespace Microsoft.ML.PTuning.Orleans;

/// <summary>Has the silos train the trials of a sweep. Safe for any number of threads.</summary>
public interface IClusterSweeps
{
    /// <summary>Runs a sweep whose trials the silos train. The result is that of <see cref="PTuningSweep{TOptions}.Run(IDataView)"/> on one machine.</summary>
    /// <remarks>
    /// The sweep is searched here, and <see cref="PTuningSweep{TOptions}.ResultsFile"/>, <see cref="PTuningSweep{TOptions}.Progress"/> and
    /// <see cref="PTuningSweep{TOptions}.CancellationToken"/> belong to this process: if it is stopped, start it again and it goes on where it was. A trial
    /// whose silo dies is trained on another one.
    /// </remarks>
    /// <param name="name">What the silos know the sweep by (<c>AddPTuningSweep</c>).</param>
    /// <param name="sweep">The same sweep as the silos': the same options, values and seeds.</param>
    /// <returns>The trials and the best of them.</returns>
    /// <exception cref="InvalidDataException">The silos have another sweep under this name, or none.</exception>
    /// <exception cref="InvalidOperationException">Nothing is varied, or all trials failed.</exception>
    /// <exception cref="OperationCanceledException">The sweep was cancelled. What is finished is in the results file.</exception>
    /// <example>
    /// <code>
    /// var result = await sweeps.RunAsync("tickets", TicketSweep.Create(new MLContext(seed: 1)));
    /// Console.WriteLine(result.Best);
    /// </code>
    /// </example>
    Task<PTuningSweepResult<TOptions>> RunAsync<TOptions>(string name, PTuningSweep<TOptions> sweep)
        where TOptions : PTuningV2Trainer.Options;
}
