using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.PTuning.Serving;

/// <summary>Predicts with models that are loaded when they are first asked for: the models of a folder or of a cluster.</summary>
/// <remarks>
/// Any number of threads may use it at once; rows that come at the same time share batches, whatever their models. Get it from the application's
/// services, after <c>AddPTuningModels</c> or <c>AddPTuning</c>.
/// </remarks>
public interface IPTuningPredictor
{
    /// <summary>The models, by name. Listing them loads none.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <example>
    /// <code>
    /// foreach (PTuningModel model in await predictor.ListModelsAsync(cancellationToken))
    ///     Console.WriteLine($"{model.Name}: {model.State}");
    /// </code>
    /// </example>
    Task<IReadOnlyList<PTuningModel>> ListModelsAsync(CancellationToken cancellationToken = default);

    /// <summary>Says what a model is. Loads it, if it is not loaded.</summary>
    /// <param name="model">The model's name.</param>
    /// <param name="cancellationToken">Ends the wait; the model is loaded nevertheless.</param>
    /// <exception cref="PTuningModelNotFoundException">The folder has no such model.</exception>
    /// <exception cref="PTuningModelUnavailableException">The model's file cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    /// <example>
    /// <code>
    /// PTuningModelDescription description = await predictor.DescribeAsync("queue", cancellationToken);
    /// Console.WriteLine($"{description.Task} of {string.Join(", ", description.Inputs.Keys)}");
    /// </code>
    /// </example>
    Task<PTuningModelDescription> DescribeAsync(string model, CancellationToken cancellationToken = default);

    /// <summary>Predicts a row with one model.</summary>
    /// <typeparam name="TRow">The row's type, as for a <c>PredictionEngine</c>.</typeparam>
    /// <typeparam name="TPrediction">The prediction's type, as for a <c>PredictionEngine</c>.</typeparam>
    /// <param name="model">The model's name.</param>
    /// <param name="row">The row; do not change it before the task is completed.</param>
    /// <param name="cancellationToken">Ends the call; the row is not computed if its batch has not begun.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column that the model reads is missing in <typeparamref name="TRow"/>, or of another type.
    /// </exception>
    /// <exception cref="PredictionQueueFullException">Too many calls wait.</exception>
    /// <exception cref="ObjectDisposedException">The application has shut down.</exception>
    /// <inheritdoc cref="DescribeAsync" path="/exception"/>
    /// <example>
    /// <code>
    /// var ticket = new Ticket { Text = "I paid twice." };
    /// Routing routing = await predictor.PredictAsync&lt;Ticket, Routing&gt;("queue", ticket, cancellationToken);
    /// Console.WriteLine(routing.PredictedLabel);
    /// </code>
    /// </example>
    Task<TPrediction> PredictAsync<TRow, TPrediction>(string model, TRow row, CancellationToken cancellationToken = default)
        where TRow : class
        where TPrediction : class, new();

    /// <summary>Predicts one row with several models, such as a text's topic, tone and language.</summary>
    /// <typeparam name="TRow">The row's type; it has the columns of all models.</typeparam>
    /// <typeparam name="TPrediction">The prediction's type. Properties that a model does not set keep their initial values.</typeparam>
    /// <param name="models">The models' names, each once.</param>
    /// <param name="row">The row; do not change it before the task is completed.</param>
    /// <param name="cancellationToken">Ends the call; the row is not computed if its batch has not begun.</param>
    /// <returns>The predictions by the models' names.</returns>
    /// <exception cref="ArgumentException">A model is named twice.</exception>
    /// <inheritdoc cref="PredictAsync" path="/exception"/>
    /// <example>
    /// <code>
    /// var ticket = new Ticket { Text = "I paid twice." };
    /// var verdicts = await predictor.PredictAllAsync&lt;Ticket, Verdict&gt;(["urgent", "angry"], ticket, cancellationToken);
    /// Console.WriteLine($"urgent {verdicts["urgent"].Probability:F2}, angry {verdicts["angry"].Probability:F2}");
    /// </code>
    /// </example>
    Task<IReadOnlyDictionary<string, TPrediction>> PredictAllAsync<TRow, TPrediction>(
        IReadOnlyCollection<string> models, TRow row, CancellationToken cancellationToken = default)
        where TRow : class
        where TPrediction : class, new();

    /// <summary>Predicts a row of JSON with one model or several, as the endpoints do.</summary>
    /// <param name="models">The models' names, each once.</param>
    /// <param name="row">An object whose properties are the columns that the models read.</param>
    /// <param name="cancellationToken">Ends the call; the row is not computed if its batch has not begun.</param>
    /// <returns>
    /// By the models' names an object with the model's outputs: classes with their scores, entities and answers with offsets in characters (UTF-16),
    /// texts, numbers.
    /// </returns>
    /// <exception cref="ArgumentException">A model is named twice.</exception>
    /// <exception cref="PTuningRowException">The row lacks a column, has one of another type or name, or too many characters.</exception>
    /// <exception cref="PredictionQueueFullException">Too many calls wait.</exception>
    /// <exception cref="ObjectDisposedException">The application has shut down.</exception>
    /// <inheritdoc cref="DescribeAsync" path="/exception"/>
    /// <example>
    /// <code>
    /// using var row = JsonDocument.Parse("""{"Text": "I paid twice."}""");
    /// var answers = await predictor.PredictJsonAsync(["queue", "urgent"], row.RootElement, cancellationToken);
    /// Console.WriteLine(answers["queue"]["PredictedLabel"]);
    /// </code>
    /// </example>
    Task<IReadOnlyDictionary<string, JsonObject>> PredictJsonAsync(
        IReadOnlyCollection<string> models, JsonElement row, CancellationToken cancellationToken = default);
}
