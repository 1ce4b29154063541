namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2MultiTaskPredictor
{
    /// <summary>Predicts one row with one model or several, where the columns are known only at run time.</summary>
    /// <param name="models">The models' names, each once.</param>
    /// <param name="row">
    /// The row, with the columns of all models; do not change it before the task is completed. Give rows with the same columns the same schema object,
    /// because each model keeps what it prepared for one.
    /// </param>
    /// <param name="read">
    /// Makes the result from a model's name and its row: the columns of <paramref name="row"/>, and those that the model and its chain add. The row is
    /// valid during the call, which may be on any thread.
    /// </param>
    /// <param name="cancellationToken">Ends the call; the row is not computed if its batch has not begun.</param>
    /// <returns>The results by the models' names; errors are as in <see cref="PredictAsync"/>.</returns>
    /// <exception cref="ArgumentException">There is no such model, or a model is named twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column that a model reads is missing in the row's schema, or of another type.</exception>
    /// <inheritdoc cref="PredictAsync" path="/exception[not(contains(@cref, 'T:System.Argument'))]"/>
    /// <example>
    /// <code>
    /// using DataViewRowCursor cursor = tickets.GetRowCursor(tickets.Schema); // A row of any IDataView, or of a class that derives from DataViewRow.
    /// while (cursor.MoveNext())
    /// {
    ///     var queues = await predictor.PredictRowAsync(["queue"], cursor, (name, answer) =&gt;
    ///     {
    ///         ReadOnlyMemory&lt;char&gt; label = default;
    ///         answer.GetGetter&lt;ReadOnlyMemory&lt;char&gt;&gt;(answer.Schema["PredictedLabel"])(ref label);
    ///         return label.ToString();
    ///     });
    ///     Console.WriteLine(queues["queue"]);
    /// }
    /// </code>
    /// </example>
    public Task<IReadOnlyDictionary<string, TResult>> PredictRowAsync<TResult>(
        IReadOnlyCollection<string> models, DataViewRow row, Func<string, DataViewRow, TResult> read, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(read);
        return PredictRowAsync(EachOnce(models), row, read, cancellationToken);
    }

    private async Task<IReadOnlyDictionary<string, TResult>> PredictRowAsync<TResult>(
        string[] names, DataViewRow row, Func<string, DataViewRow, TResult> read, CancellationToken cancellationToken) =>
        Named(names, await AskAsync(
            names,
            model => model.Binding(row.Schema),
            binding => binding.Read(row),
            (name, binding, prediction) => binding.Write(row, prediction, answer => read(name, answer)),
            cancellationToken).ConfigureAwait(false));
}
