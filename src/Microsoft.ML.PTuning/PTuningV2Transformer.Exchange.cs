using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Exchange;

namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2Transformer
{
    /// <summary>
    /// Imports an adapter of Hugging Face's PEFT: PREFIX_TUNING, PROMPT_TUNING, P_TUNING or LORA for SEQ_CLS, TOKEN_CLS, QUESTION_ANS or CAUSAL_LM, and
    /// LORA for SEQ_2_SEQ_LM.
    /// </summary>
    /// <remarks>
    /// The model scores as PEFT's does and is used like any other: it transforms, is saved and loaded, and can be the <c>InitialModel</c> of a training.
    /// Adapters of all versions from 0.3.0 on are read. Nothing in a file is run or downloaded. See docs/exchange.md.
    /// </remarks>
    /// <param name="mlContext">The context; it names the device, and the precision, if the options do not.</param>
    /// <param name="folder">The folder with <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> or <c>adapter_model.bin</c>.</param>
    /// <param name="options">
    /// The task with its columns, the largest number of tokens, the encoder, precision and device. What concerns training only is not used. Null for the
    /// task that the files name, the usual columns, and the encoder that the adapter names.
    /// </param>
    /// <param name="classes">The classes or tags in the order of the head's outputs; null for those that the encoder's <c>id2label</c> names.</param>
    /// <exception cref="ArgumentException">The options contradict each other, or there is another number of classes than of outputs.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder, or the encoder is not on this machine.</exception>
    /// <exception cref="FileNotFoundException">The folder lacks a file.</exception>
    /// <exception cref="InvalidDataException">The files are damaged, do not fit the encoder, or hold what is not supported; the message says what.</exception>
    /// <example>
    /// <code>
    /// using var model = PTuningV2Transformer.ImportPeft(mlContext, "adapters/queues", new PTuningV2Trainer.MulticlassOptions
    /// {
    ///     Sentence1ColumnName = "Text",
    ///     Backbone = "google-bert/bert-base-cased", // Otherwise the one that the adapter names.
    /// }, classes: ["billing", "delivery", "returns"]);
    /// IDataView scored = model.Transform(newTickets);
    /// </code>
    /// </example>
    public static PTuningV2Transformer ImportPeft(
        MLContext mlContext, string folder, PTuningV2Trainer.Options? options = null, IReadOnlyList<string>? classes = null) =>
        Import(PeftAdapter.Format, mlContext, folder, options, classes);

    /// <summary>Imports a model of the official code of P-tuning v2: a checkpoint with encoder, <c>prefix_encoder</c> and head.</summary>
    /// <remarks>
    /// The encoder is that in the folder, unless the options name one; then it must be the same. The folder needs the tokenizer's files, as the official
    /// code saves them.
    /// </remarks>
    /// <param name="folder">The folder with <c>config.json</c> and <c>pytorch_model.bin</c> or <c>model.safetensors</c>.</param>
    /// <inheritdoc cref="ImportPeft"/>
    /// <example>
    /// <code>
    /// using var model = PTuningV2Transformer.ImportOfficialCheckpoint(mlContext, "checkpoints/rte-roberta", new PTuningV2Trainer.MulticlassOptions
    /// {
    ///     Sentence1ColumnName = "Premise",
    ///     Sentence2ColumnName = "Hypothesis",
    /// }, classes: ["entailment", "not_entailment"]);
    /// model.SaveTo("rte.zip");
    /// </code>
    /// </example>
    public static PTuningV2Transformer ImportOfficialCheckpoint(
        MLContext mlContext, string folder, PTuningV2Trainer.Options? options = null, IReadOnlyList<string>? classes = null) =>
        Import(OfficialCheckpoint.Format, mlContext, folder, options, classes);

    /// <summary>Imports a prefix of AdapterHub's library <c>adapters</c>, with the head that was saved beside it.</summary>
    /// <param name="folder">
    /// The folder with <c>adapter_config.json</c>, <c>head_config.json</c>, and the weights of both, as <c>.safetensors</c> or <c>.bin</c>.
    /// </param>
    /// <inheritdoc cref="ImportPeft"/>
    /// <example>
    /// <code>
    /// using var model = PTuningV2Transformer.ImportAdapterHub(mlContext, "adapters/sst-2", new PTuningV2Trainer.BinaryOptions
    /// {
    ///     Sentence1ColumnName = "Text",
    /// });
    /// IDataView scored = model.Transform(newTickets);
    /// </code>
    /// </example>
    public static PTuningV2Transformer ImportAdapterHub(
        MLContext mlContext, string folder, PTuningV2Trainer.Options? options = null, IReadOnlyList<string>? classes = null) =>
        Import(AdapterHubPrefix.Format, mlContext, folder, options, classes);

    /// <summary>Writes the model as an adapter of Hugging Face's PEFT: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</summary>
    /// <remarks>
    /// A prefix in all layers becomes PREFIX_TUNING, <see cref="PromptTuning"/> PROMPT_TUNING, <see cref="PTuningV1"/> P_TUNING and
    /// <see cref="LowRankAdaptation"/> LORA. The head is one of transformers' models, which have no place for the classes' names: tell them to the model
    /// that PEFT loads (<c>num_labels</c>, <c>id2label</c>, in the order of <see cref="Classes"/>). For a model that writes text the file has no head.
    /// Files of the same names are replaced, each as a whole.
    /// </remarks>
    /// <param name="folder">The folder to write to; it is made if it is not there.</param>
    /// <param name="baseModel">
    /// What PEFT loads as the encoder, <c>base_model_name_or_path</c>; null for the encoder's hub id, or its folder if it has none.
    /// </param>
    /// <exception cref="NotSupportedException">PEFT has no model that computes the same; the message says what differs.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <example>
    /// <code>
    /// model.ExportPeft("adapters/queues", baseModel: "google-bert/bert-base-cased");
    /// </code>
    /// </example>
    public void ExportPeft(string folder, string? baseModel = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        PeftExport.Write(_model, folder, baseModel);
    }

    private static PTuningV2Transformer Import(
        ForeignFormat format, MLContext mlContext, string folder, PTuningV2Trainer.Options? options, IReadOnlyList<string>? classes)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new(ModelImport.Read(mlContext, format, folder, options?.Copy(), classes), mlContext, JobLimit.Of(mlContext));
    }
}
