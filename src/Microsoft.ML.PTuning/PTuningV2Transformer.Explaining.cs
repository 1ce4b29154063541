using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Explaining;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning;

/// <content>What the prefix does, and what a prediction rests on.</content>
public sealed partial class PTuningV2Transformer
{
    /// <summary>Measures how much attention the tokens of some texts pay to the prefix, per layer, head and prefix position.</summary>
    /// <remarks>
    /// All tokens count, in the last layer, too, where a sentence task may read only one. The rows are read once and encoded in memory; a few hundred
    /// are enough (<c>mlContext.Data.TakeRows</c>).
    /// </remarks>
    /// <param name="data">Rows with the model's input columns; a label is not read.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column that the model reads is missing, or of another type.</exception>
    /// <exception cref="InvalidOperationException">The model has no prefix in its layers, or the data has no rows.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <example>
    /// <code>
    /// PrefixReport report = model.ExplainPrefix(newTickets);
    /// Console.WriteLine(report.ToString());
    /// </code>
    /// </example>
    public PrefixReport ExplainPrefix(IDataView data)
    {
        ArgumentNullException.ThrowIfNull(data);
        RequirePrefix();
        var checkCancelled = HostEnvironment.CancellationOf(_environment, nameof(ExplainPrefix));
        foreach (var column in _model.Task.Inputs)
            ScoringSchema.Find(column, data.Schema);

        _model.Enter();
        try
        {
            var rows = ExampleSet.Read(data, _model.Task, _model.Tokenizer, checkCancelled, withTarget: false).Examples;
            var sequences = rows.SelectMany(row => row.Parts).SelectMany(part => part.Sequences).ToArray();
            if (sequences.Length == 0)
                throw new InvalidOperationException(
                    $"The data has {rows.Count} rows with a text; expected one or more. Give rows like those that the model is for.");

            var batches = Predictor.Plan([.. sequences.Select(sequence => sequence.Length)], [.. sequences.Select(_ => 1)], _model.Device);
            return new PrefixMasses(_model.Network.Encoder, _model.Tensors, _model.Tokenizer.PadId, _model.Device)
                .Measure(sequences, batches, rows.Count, checkCancelled, _model.Limit);
        }
        finally
        {
            _model.Leave();
        }
    }

    /// <summary>A copy of the model without the prefix positions, or without the prefix of the layers or heads, that the text attends to least.</summary>
    /// <remarks>
    /// The copy is not trained again; measure its accuracy. Positions are cut in all layers alike, and the text keeps the positions it was trained at.
    /// The prefix is saved smaller. A head that is cut keeps its place, with zeros and a closed gate, so it takes little of the file and no less time.
    /// </remarks>
    /// <param name="report">What <see cref="ExplainPrefix"/> measured of this model.</param>
    /// <param name="keepPositions">How many positions to keep, those with the largest mass; null for all.</param>
    /// <param name="keepLayers">How many layers keep their prefix, those with the largest mass; null for all.</param>
    /// <param name="keepHeads">
    /// How many heads of the layers that are kept keep their prefix, those with the largest mass in whichever layer; null for all. Where heads share keys
    /// and values, as in ChatGLM, such a group counts as one.
    /// </param>
    /// <returns>A model of its own, to be disposed by itself; it shares the encoder.</returns>
    /// <exception cref="ArgumentException">The report is of a model with other layers, heads or positions.</exception>
    /// <exception cref="ArgumentOutOfRangeException">None would be kept, or more than there are.</exception>
    /// <exception cref="InvalidOperationException">The model has no prefix in its layers.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <example>
    /// <code>
    /// using var smaller = model.PrunePrefix(model.ExplainPrefix(newTickets), keepPositions: 8, keepLayers: 4);
    /// smaller.SaveTo("smaller.zip");
    /// </code>
    /// </example>
    public PTuningV2Transformer PrunePrefix(PrefixReport report, int? keepPositions = null, int? keepLayers = null, int? keepHeads = null)
    {
        ArgumentNullException.ThrowIfNull(report);
        var prefix = RequirePrefix();
        var backbone = _model.Network.Encoder.Backbone;
        var (found, expected) = (
            Describe(report.PrefixLength, report.Heads, report.PrefixLayers),
            Describe(prefix.PrefixLength, backbone.Configuration.Heads, prefix.ShapeFor(backbone).Selected));
        if (found != expected)
            throw new ArgumentException(
                $"The report is of {found}, but the model has {expected}. Give what ExplainPrefix measured of this model.", nameof(report));

        var layers = Largest(report.PrefixLayers, keepLayers, layer => report.LayerMasses[layer], nameof(keepLayers));
        int[] all = [.. Enumerable.Range(0, prefix.PrefixLength)];
        var positions = Largest(all, keepPositions, position => layers.Sum(layer => report.MassOf(layer, position)), nameof(keepPositions));
        var shared = backbone.Configuration.Heads / backbone.Configuration.KeyValueHeads;
        int[] allHeads = [.. Enumerable.Range(0, layers.Length * backbone.Configuration.KeyValueHeads)];
        var heads = keepHeads is null ? null : Largest(allHeads, keepHeads, MassOfHead, nameof(keepHeads)).ToHashSet();
        _model.Enter();
        try
        {
            var (method, tensors) = prefix.Keep(backbone, _model.Tensors, positions, layers, heads is null ? null : [.. allHeads.Select(heads.Contains)]);
            var model = new PromptModel(_model.Task, method, _model.ShareBackbone(), tensors, _model.Summary?.Saving(tensors.Bytes), _model.Device);
            return new PTuningV2Transformer(model, _environment, _model.Limit);
        }
        finally
        {
            _model.Leave();
        }

        double MassOfHead(int number) => report.HeadMasses[layers[number / backbone.Configuration.KeyValueHeads]]
            .Skip(number % backbone.Configuration.KeyValueHeads * shared).Take(shared).Average();

        static string Describe(int positions, int heads, IEnumerable<int> layers) =>
            $"{positions} positions, {heads} heads and the layers {string.Join(", ", layers)}";
    }

    /// <summary>
    /// Tells how much each word of a row's texts speaks for the prediction, by integrated gradients over the word embeddings (Sundararajan et al. 2017).
    /// </summary>
    /// <remarks>
    /// <para>
    /// The gradient times the words' vectors, averaged over 16 steps from a text without content (every token has the mean vector of the vocabulary) to
    /// the row's own. The weights add up to about what the text's words add to the log-odds of the class. Each is an estimate, not a measurement: to be
    /// sure of a word, score the text without it. White space ends a word; a punctuation mark or a Chinese character is a word. Words that the tokenizer
    /// dropped, or that did not fit MaxLength, are left out.
    /// </para>
    /// <para>For tasks with one answer per text or pair of texts: one class of several, true or false, several classes at once, a number. Tags of
    /// words, answers in a context, choices, and a verbalizer's words of several tokens that a language model writes, are refused, because each row has
    /// many outputs or many texts.</para>
    /// </remarks>
    /// <typeparam name="TRow">The row's type, as for a <c>PredictionEngine</c>.</typeparam>
    /// <param name="output">The class to explain, as in <see cref="Classes"/>, or <c>true</c> or <c>false</c>; null for what is predicted.</param>
    /// <returns>The words in the order of their texts. Where several classes are predicted, the words once for each.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column that the model reads is missing, or of another type.</exception>
    /// <exception cref="ArgumentException">There is no such class.</exception>
    /// <exception cref="InvalidOperationException">The model's task has not one answer per text.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <example>
    /// <code>
    /// foreach (TokenContribution word in model.ExplainPrediction(new Ticket { Text = "I paid twice." }))
    ///     Console.WriteLine(word.ToString()); // Such as: billing: 'twice' +1.20
    /// </code>
    /// </example>
    public IReadOnlyList<TokenContribution> ExplainPrediction<TRow>(TRow row, string? output = null)
        where TRow : class
    {
        ArgumentNullException.ThrowIfNull(row);
        var task = _model.Task as SentenceTask ?? throw new InvalidOperationException(
            $"The model's task is {_model.Task}, which has many outputs or texts per row; expected one answer per text or pair of texts (classes, a number).");
        if (task is SentenceClassification { FillsGaps: true })
            throw new InvalidOperationException(
                "The model's Verbalizer has words of several tokens, each of which is read behind the text by itself; expected one reading per text.");
        var named = output is null ? -1 : task.ExplainedNames.ToList().IndexOf(output);
        if (output is not null && named < 0)
            throw new ArgumentException($"'{output}' is none of the model's outputs: {string.Join(", ", task.ExplainedNames)}.", nameof(output));

        var (first, second) = ReadTexts(task, row);
        _model.Enter();
        try
        {
            var (encoded, tokens) = task.Locate(_model.Tokenizer, first, second);
            var explained = output is null ? task.ExplainedOf(_model.Predict([_ => new Example([new ExamplePart([encoded], [])], false)])[0]) : [named];
            return [.. explained.SelectMany(Explain)];

            IEnumerable<TokenContribution> Explain(int index)
            {
                int[] places = [.. tokens.Where(token => token.Length > 0).Select(token => token.Index)];
                var weights = new Contributions(_model).Of(encoded, places, outputs => task.Evidence(outputs, index));
                return Gather(task.Sentence1ColumnName, first, 0).Concat(second is null ? [] : Gather(task.Sentence2ColumnName!, second, 1));

                IEnumerable<TokenContribution> Gather(string column, string text, int number) =>
                    WordWeights.Gather(text, tokens.Where(token => token.Text == number), weights).Select(found => new TokenContribution
                    {
                        ColumnName = column,
                        Start = found.Word.Start,
                        Length = found.Word.End - found.Word.Start,
                        Text = text[found.Word.Start..found.Word.End],
                        Output = task.ExplainedNames[index],
                        Weight = found.Weight,
                    });
            }
        }
        finally
        {
            _model.Leave();
        }
    }

    private static (string First, string? Second) ReadTexts<TRow>(SentenceTask task, TRow row)
        where TRow : class
    {
        var data = new MLContext().Data.LoadFromEnumerable([row]);
        using var cursor = data.GetRowCursor(task.Inputs.Select(column => ScoringSchema.Find(column, data.Schema)).DistinctBy(column => column.Index));
        var read = task.OpenSentences(cursor);
        cursor.MoveNext();
        return read();
    }

    private DeepPrefix RequirePrefix() => _model.Method as DeepPrefix ?? throw new InvalidOperationException(
        $"The model was trained by the method {Method}, which has no prefix in the encoder's layers; expected {DeepPrefix.Kind}. "
        + "Train it without Method, with a PrefixLength of 1 or more.");

    /// <returns>The numbers with the largest masses, ascending; of equal ones the lower.</returns>
    private static int[] Largest(IReadOnlyList<int> numbers, int? keep, Func<int, double> mass, string name)
    {
        if (keep < 1 || keep > numbers.Count)
            throw new ArgumentOutOfRangeException(name, keep, $"There are {numbers.Count}; expected to keep 1 to {numbers.Count} of them.");
        return [.. numbers.OrderByDescending(mass).Take(keep ?? numbers.Count).Order()];
    }
}
