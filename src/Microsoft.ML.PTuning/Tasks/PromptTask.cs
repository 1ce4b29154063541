using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>Writes the outputs of a batch's parts.</summary>
/// <param name="encoder">The language model under a method.</param>
/// <param name="batch">The texts, and what the decoder starts with.</param>
/// <param name="parts">The parts of the batch, one sequence each.</param>
/// <param name="checkCancelled">Throws if the work has been cancelled.</param>
/// <returns>What the task decodes, for each part.</returns>
internal delegate float[][] BatchWriter(
    PromptedEncoder encoder, TrainedTensors tensors, EncodedBatch batch, IReadOnlyList<ExamplePart> parts, Action checkCancelled);

/// <summary>A task: how columns become examples, the head, the loss, decoding and the output columns. One class per task.</summary>
/// <remarks>
/// Immutable; its settable properties are saved with the model. <see cref="ForData"/> and <see cref="ForTargets"/> complete it in training.
/// </remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(MulticlassClassification), "multiclass-classification")]
[JsonDerivedType(typeof(BinaryClassification), "binary-classification")]
[JsonDerivedType(typeof(MultiLabelClassification), "multi-label-classification")]
[JsonDerivedType(typeof(TextRegression), "regression")]
[JsonDerivedType(typeof(NamedEntityRecognition), "named-entity-recognition")]
[JsonDerivedType(typeof(MultipleChoice), "multiple-choice")]
[JsonDerivedType(typeof(QuestionAnswering), "question-answering")]
[JsonDerivedType(typeof(TextGeneration), "text-generation")]
internal abstract record PromptTask : IJsonOnDeserialized
{
    /// <summary>The kinds that files may name.</summary>
    public static IReadOnlyDictionary<string, Type> Kinds { get; } = JsonKinds.Of<PromptTask>();

    /// <summary>What files call it.</summary>
    [JsonIgnore]
    public string KindName => Kinds.Single(kind => kind.Value == GetType()).Key;

    /// <summary>Largest number of tokens per row, special tokens included; longer rows are truncated.</summary>
    public required int MaxLength { get; init; }

    /// <summary>ML.NET's kind of score columns, or one of ours: QuestionAnswering, MultiLabelClassification, TextGeneration.</summary>
    public abstract string ScoreColumnKind { get; }

    /// <summary>The columns that a prediction reads.</summary>
    public abstract IReadOnlyList<InputColumn> Inputs { get; }

    /// <summary>The further columns that training reads, the label first.</summary>
    public abstract IReadOnlyList<InputColumn> LabelColumns { get; }

    /// <summary>The classes, once the label is known; null for tasks without classes.</summary>
    public virtual LabelValues? Classes => null;

    /// <summary>The type of the classes' values; null if the label column decides it.</summary>
    public virtual DataViewType? ClassType => null;

    /// <summary>The columns that a prediction adds, in their order.</summary>
    public abstract IReadOnlyList<OutputColumn> Outputs { get; }

    public abstract TaskHead Head { get; }

    /// <summary>The default number of passes over the training rows.</summary>
    public virtual EpochRule Epochs => EpochRule.Sentences;

    /// <summary>The name of the metric of <see cref="Measure"/>; more is better.</summary>
    public abstract string MetricName { get; }

    /// <summary>This task, completed from the type of the label's items, before anything is read.</summary>
    public virtual PromptTask ForLabel(DataViewType itemType) => this;

    /// <summary>This task, completed from the label column (the classes), before its rows are encoded.</summary>
    /// <param name="checkCancelled">Throws if the work has been cancelled.</param>
    public virtual PromptTask ForData(IDataView data, Action checkCancelled) => this;

    /// <summary>Checks that the validation rows have the classes of this task.</summary>
    /// <exception cref="InvalidOperationException">They have other classes, or another order of them.</exception>
    public virtual void CheckValidation(IDataView data)
    {
    }

    /// <summary>This task for validation and prediction, without settings that hold for training only.</summary>
    public virtual PromptTask ForScoring => this;

    /// <summary>This task without settings that do not change how rows are encoded. Tasks with the same JSON then encode a row alike,
    /// so whatever changes tokens or labels must be in the JSON.</summary>
    public virtual PromptTask ForEncoding => this;

    /// <summary>The task's name. A record would print all its properties, itself among them.</summary>
    public sealed override string ToString() => GetType().Name;

    /// <summary>This task, completed from the training rows (the scale of the targets).</summary>
    /// <exception cref="InvalidOperationException">Nothing can be learned from these rows.</exception>
    public abstract PromptTask ForTargets(ExampleSet training);

    /// <summary>This task over an encoder, with the options that depend on the encoder chosen, before any row is read.</summary>
    public virtual PromptTask ForBackbone(Backbone backbone) => this;

    /// <summary>This task, completed from the vocabulary (the tokens of its words), once its classes are known.</summary>
    /// <exception cref="InvalidOperationException">Its words do not fit classes or vocabulary.</exception>
    public virtual PromptTask ForTokenizer(TextTokenizer tokenizer) => this;

    /// <summary>Whether the encoder needs the head of its language model.</summary>
    public virtual bool NeedsLanguageHead => false;

    /// <summary>Writes the outputs of a batch token by token; null for a task that reads them from one forward pass.</summary>
    [JsonIgnore]
    public virtual BatchWriter? Writer => null;

    /// <summary>Largest number of tokens that the decoder reads after a text.</summary>
    [JsonIgnore]
    public virtual int DecoderLength => 0;

    /// <summary>How many texts are written for a row at once.</summary>
    [JsonIgnore]
    public virtual int WrittenCopies => 1;

    /// <summary>Largest number of an encoder's positions that a row takes.</summary>
    public int PositionsIn(Backbone backbone) => backbone.CountPositions(MaxLength, DecoderLength);

    /// <returns>Why task, method, encoder and tokenizer do not go together, and what to do; null where they do.</returns>
    public string? FindMisfit(TuningMethod method, Backbone backbone, TextTokenizer tokenizer) =>
        FindMisfit(backbone) ?? method.FindMisfit(backbone, MaxLength - PromptPlaces, DecoderLength) ?? FindMisfit(tokenizer) ?? FindMisfit(method);

    /// <returns>Why this task does not fit the encoder, and what to do; null where it fits.</returns>
    public virtual string? FindMisfit(Backbone backbone) => null;

    /// <returns>Why this task does not fit the method, and what to do; null where it fits.</returns>
    public virtual string? FindMisfit(TuningMethod method) =>
        this is SentenceClassification ? null
        : method.WordsPerClass > 0 ? $"LabelWords is {method.WordsPerClass}, but this task has no classes. Leave it at 0."
        : method.MixesClasses ? $"{method.GetType().Name} averages the probabilities of classes, which this task does not have. "
            + "Use it for one class of several, or for true or false."
        : null;

    /// <returns>Why the tokenizer, or rows of <see cref="MaxLength"/> tokens, do not suit this task; null where they do.</returns>
    public abstract string? FindMisfit(TextTokenizer tokenizer);

    /// <summary>Places for trained tokens in every row, which count among its tokens.</summary>
    public virtual int PromptPlaces => 0;

    /// <summary>This task under a method, with what depends on it, before any row is read.</summary>
    public virtual PromptTask ForMethod(TuningMethod method) => this;

    /// <summary>Ids of the words that stand for the classes; empty for a trained head.</summary>
    public virtual IEnumerable<int> ClassTokens => [];

    /// <summary>Ids that stand in every row, whatever its texts.</summary>
    public virtual IReadOnlySet<int> FixedTokens(TextTokenizer tokenizer) => tokenizer.Surround([], []).Tokens.Select(token => token.Id).Concat(tokenizer.Generation?.Ids ?? []).ToHashSet();

    /// <summary>Prepares to read rows. Every call of the result reads the current row, and returns null if its label is missing.</summary>
    public abstract Func<PendingExample?> OpenRow(DataViewRow row, bool withTarget);

    /// <param name="outputs">The head's outputs for a batch, a row for each sequence of the parts, <c>[S, ...]</c>.</param>
    /// <returns>The sum of the loss over the terms that <see cref="LossWeight"/> counts, a scalar.</returns>
    public abstract Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts);

    /// <summary>The number of terms in the loss of these parts; the reported loss is the mean over them.</summary>
    public virtual double LossWeight(IReadOnlyList<ExamplePart> parts) => parts.Count;

    /// <summary>Decodes the head's numbers for a row into what the output columns and <see cref="Measure"/> read.</summary>
    /// <param name="outputs">For each part, the numbers of its sequences, one after the other, without padding.</param>
    public abstract Prediction Decode(Example example, IReadOnlyList<float[]> outputs);

    /// <param name="predictions">One per row.</param>
    /// <param name="examples">The rows, with targets.</param>
    public abstract double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples);

    /// <summary>The metric of a guess that is the same for every row: the most frequent answer.</summary>
    public virtual double Baseline(IReadOnlyList<Example> examples) => 0;

    /// <summary>The mean loss of a guess that is the same for every row: the frequencies of the labels. Null where there is no such guess.</summary>
    public virtual double? GuessingLoss(IReadOnlyList<Example> examples) => null;

    /// <summary>The mean loss of labels that are predicted with the probabilities of their frequencies.</summary>
    protected static double Entropy<T>(IEnumerable<T> labels)
        where T : notnull
    {
        double[] counts = [.. labels.GroupBy(label => label).Select(same => (double)same.Count())];
        var sum = counts.Sum();
        return -counts.Sum(count => count / sum * Math.Log(count / sum));
    }

    /// <summary>The number of classes among the rows; null if a row has no class, or several.</summary>
    public virtual int? CountClasses(IReadOnlyList<Example> examples) => null;

    /// <summary>What is wrong with these predictions, and what to do; null if nothing is.</summary>
    public abstract string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples);

    /// <summary>Checks that no output hides the label, an input or another output.</summary>
    /// <exception cref="ArgumentException">Two columns have one name.</exception>
    public void CheckNames()
    {
        var taken = Inputs.Concat(LabelColumns).GroupBy(column => column.Name).ToDictionary(same => same.Key, same => $"the {same.First().Role} column");
        foreach (var output in Outputs)
            if (!taken.TryAdd(output.Name, "another output"))
                throw new ArgumentException(
                    $"An output column and {taken[output.Name]} are both named '{output.Name}': one would hide the other. Give each a name of its own.",
                    output.Name);
    }

    void IJsonOnDeserialized.OnDeserialized() => CheckRead();

    protected static ValueGetter<T> OpenColumn<T>(DataViewRow row, string column) => row.GetGetter<T>(row.Schema[column]);

    /// <summary>Prepares to read a text column. Every call of the result reads the current row.</summary>
    protected static Func<string> OpenText(DataViewRow row, string column)
    {
        var getter = OpenColumn<ReadOnlyMemory<char>>(row, column);
        return () =>
        {
            ReadOnlyMemory<char> text = default;
            getter(ref text);
            return text.ToString();
        };
    }

    /// <summary>Prepares to read a column with a vector of texts.</summary>
    protected static Func<string[]> OpenTexts(DataViewRow row, string column)
    {
        var getter = OpenColumn<VBuffer<ReadOnlyMemory<char>>>(row, column);
        VBuffer<ReadOnlyMemory<char>> texts = default;
        return () =>
        {
            getter(ref texts);
            return [.. texts.DenseValues().Select(text => text.ToString())];
        };
    }

    /// <summary>Checks a task that was read from a file.</summary>
    /// <exception cref="JsonException">It is no such task.</exception>
    protected virtual void CheckRead()
    {
        if (MaxLength < 1)
            throw new JsonException($"The task's maxLength is {MaxLength}; expected 1 or more.");
        if (Inputs.Concat(LabelColumns).Select(c => c.Name).Concat(Outputs.Select(c => c.Name)).Any(string.IsNullOrEmpty))
            throw new JsonException("One of the task's columns has no name.");
    }
}
