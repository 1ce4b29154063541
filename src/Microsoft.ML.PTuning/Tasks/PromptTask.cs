using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>What is learned: columns to examples, head, loss, decoding and output columns. One class per task.</summary>
/// <remarks>
/// Immutable; its settable properties are what a saved model says of it. <see cref="ForData"/> and <see cref="ForTargets"/> complete it in training.
/// </remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(MulticlassClassification), "multiclass-classification")]
[JsonDerivedType(typeof(BinaryClassification), "binary-classification")]
[JsonDerivedType(typeof(MultiLabelClassification), "multi-label-classification")]
[JsonDerivedType(typeof(TextRegression), "regression")]
[JsonDerivedType(typeof(NamedEntityRecognition), "named-entity-recognition")]
[JsonDerivedType(typeof(MultipleChoice), "multiple-choice")]
[JsonDerivedType(typeof(QuestionAnswering), "question-answering")]
internal abstract record PromptTask : IJsonOnDeserialized
{
    /// <summary>Most tokens of a row, special tokens included; longer rows are truncated.</summary>
    public required int MaxLength { get; init; }

    /// <summary>What ML.NET calls the set of score columns: MulticlassClassification, BinaryClassification, Regression; QuestionAnswering is ours.</summary>
    public abstract string ScoreColumnKind { get; }

    /// <summary>The columns that a prediction reads.</summary>
    public abstract IReadOnlyList<InputColumn> Inputs { get; }

    /// <summary>The columns that training reads besides, the label first.</summary>
    public abstract IReadOnlyList<InputColumn> LabelColumns { get; }

    /// <summary>The classes, once the label is known; null for tasks without classes.</summary>
    public virtual LabelValues? Classes => null;

    /// <summary>The type of the classes' values where it does not follow from the label column; else null.</summary>
    public virtual DataViewType? ClassType => null;

    /// <summary>The columns that a prediction adds, in their order.</summary>
    public abstract IReadOnlyList<OutputColumn> Outputs { get; }

    public abstract TaskHead Head { get; }

    /// <summary>How often to read the training rows where nobody says.</summary>
    public virtual EpochRule Epochs => EpochRule.Sentences;

    /// <summary>What <see cref="Measure"/> measures; more is better.</summary>
    public abstract string MetricName { get; }

    /// <summary>This task with what the type of the label's items tells, before anything is read.</summary>
    public virtual PromptTask ForLabel(DataViewType itemType) => this;

    /// <summary>This task with what the label column tells (the classes), before its rows are encoded.</summary>
    /// <param name="checkCancelled">Throws where the work has been cancelled.</param>
    public virtual PromptTask ForData(IDataView data, Action checkCancelled) => this;

    /// <summary>Checks that the rows that judge training have the classes of this task.</summary>
    /// <exception cref="InvalidOperationException">They have others, or another order of them.</exception>
    public virtual void CheckValidation(IDataView data)
    {
    }

    /// <summary>This task as it judges and predicts, without what holds for training alone.</summary>
    public virtual PromptTask ForScoring => this;

    /// <summary>This task with what the training rows tell (the scale of the targets).</summary>
    /// <exception cref="InvalidOperationException">Nothing can be learned from these rows.</exception>
    public abstract PromptTask ForTargets(ExampleSet training);

    /// <summary>This task over an encoder: what the options leave to the encoder is chosen, before any row is read.</summary>
    public virtual PromptTask ForBackbone(Backbone backbone) => this;

    /// <returns>Why this task does not fit the encoder, and what to do; null where it fits.</returns>
    public virtual string? FindMisfit(Backbone backbone) => null;

    /// <returns>Why rows of <see cref="MaxLength"/> tokens are too short for this task; null where they are not.</returns>
    public abstract string? FindMisfit(TextTokenizer tokenizer);

    /// <summary>Prepares to read rows: every call of the result reads the current one, and gives null where its label is missing.</summary>
    public abstract Func<PendingExample?> OpenRow(DataViewRow row, bool withTarget);

    /// <param name="outputs">The head's outputs for a batch, a row for each sequence of the parts, <c>[S, ...]</c>.</param>
    /// <returns>The sum over what <see cref="LossWeight"/> counts, a scalar.</returns>
    public abstract Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts);

    /// <summary>How many terms the loss of these parts sums; the loss is the mean over them.</summary>
    public virtual double LossWeight(IReadOnlyList<ExamplePart> parts) => parts.Count;

    /// <summary>The head's numbers for a row, as the output columns and <see cref="Measure"/> read them.</summary>
    /// <param name="outputs">For each part the numbers of its sequences, one after the other, without those of padding.</param>
    public abstract Prediction Decode(Example example, IReadOnlyList<float[]> outputs);

    /// <param name="predictions">One a row.</param>
    /// <param name="examples">The rows, with targets.</param>
    public abstract double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples);

    /// <summary>What <see cref="Measure"/> gives for one who knows nothing of the rows but what is commonest among them.</summary>
    public virtual double Baseline(IReadOnlyList<Example> examples) => 0;

    /// <summary>Of how many classes the rows are; null where a row has none, or many.</summary>
    public virtual int? CountClasses(IReadOnlyList<Example> examples) => null;

    /// <summary>What is wrong with predictions like these, and what to do; null where nothing is.</summary>
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

    /// <summary>Prepares to read a text column: every call of the result reads the current row's.</summary>
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

    /// <summary>Checks what a file said.</summary>
    /// <exception cref="JsonException">It is no such task.</exception>
    protected virtual void CheckRead()
    {
        if (MaxLength < 1)
            throw new JsonException($"The task's maxLength is {MaxLength}; expected 1 or more.");
        if (Inputs.Concat(LabelColumns).Select(c => c.Name).Concat(Outputs.Select(c => c.Name)).Any(string.IsNullOrEmpty))
            throw new JsonException("One of the task's columns has no name.");
    }
}
