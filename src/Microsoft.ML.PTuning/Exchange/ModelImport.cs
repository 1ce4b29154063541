using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>Makes a model of what another program saved.</summary>
internal static class ModelImport
{
    /// <param name="environment">The context, which names device and precision where the options do not.</param>
    /// <param name="options">The task with its columns; null for what the files say, and the usual columns.</param>
    /// <param name="classes">The classes in the order of the outputs; null for those of the files.</param>
    public static PromptModel Read(
        IHostEnvironment environment, ForeignFormat format, string folder, PTuningV2Trainer.Options? options, IReadOnlyList<string>? classes)
    {
        if (options is not null)
            ImportedTask.Check(options, classes);
        TorchNative.EnsureLoaded();
        using var foreign = ForeignFormats.Open(format, folder);
        var form = FormOf(foreign, options);

        using var channel = environment.Register(nameof(PTuningV2Transformer)).Start("Importing");
        var device = HostEnvironment.DeviceOf(
            environment, options?.GpuDeviceId, options?.FallbackToCpu, line => channel.Warning(MessageSensitivity.None, "{0}", line));
        var precision = options?.ChosenNames.Contains(nameof(options.Precision)) == true ? options.Precision : HostEnvironment.PrecisionOf(environment);
        var writes = form == TaskForm.Writing;
        var open = BackboneLibrary.Open(options?.Backbone ?? foreign.Encoder, device, precision.On(device, foreign.ChangesWeights, writes), writes);
        TrainedTensors? trained = null;
        try
        {
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            var (backbone, encoderFolder) = (open.Lease.Backbone, open.Lease.Directory);
            foreign.CheckEncoder(backbone, encoderFolder);
            var (method, tensors) = foreign.ReadMethod(backbone, form);
            var head = foreign.ReadHead(backbone, form, encoderFolder);
            foreign.RefuseUnread();
            var room = ImportedTask.MostTokens(method, backbone);
            var task = head is null
                ? ImportedTask.Writing(options, classes, backbone, room)
                : TaskOf(foreign, form, head, options, classes, encoderFolder, room);
            if (task.FindMisfit(method, backbone, open.Lease.Tokenizer) is { } misfit)
                throw new InvalidDataException($"'{folder}' does not fit the backbone {open.Reference}: {misfit}");

            trained = Trained(task, method, backbone, tensors, head, device);
            return new PromptModel(task, method, open, trained, summary: null, device);
        }
        catch
        {
            trained?.Dispose();
            open.Lease.Dispose();
            throw;
        }
    }

    private static TaskForm FormOf(ForeignModel foreign, PTuningV2Trainer.Options? options)
    {
        if (options is null)
            return foreign.Form ?? throw new InvalidDataException(
                $"'{foreign.Folder}' does not tell what its head is for. Give the options of its task, such as new PTuningV2Trainer.MulticlassOptions().");

        var asked = ImportedTask.FormOf(options.ToTask());
        return foreign.Form == asked || (foreign.Form is null && (asked != TaskForm.Writing || foreign.MayWrite))
            ? asked
            : foreign.Form is null ? throw new InvalidDataException(
                $"'{foreign.Folder}' holds no language model that writes, which {options.GetType().Name} are for. Give the options of the file's task.")
            : throw new InvalidDataException(
                $"'{foreign.Folder}' has a head for {Describe(foreign.Form.Value)}, but {options.GetType().Name} are for {Describe(asked)}. "
                + "Give the options of the file's task.");
    }

    /// <param name="room">Most tokens of a row, which holds where the caller gave no options.</param>
    private static PromptTask TaskOf(
        ForeignModel foreign, TaskForm form, ForeignHead head, PTuningV2Trainer.Options? options, IReadOnlyList<string>? classes, string encoderFolder,
        int room)
    {
        var outputs = head.Bias.size(0);
        var encoder = TransformersConfig.Read(encoderFolder);
        if (classes is not null && classes.Count != outputs)
            throw new ArgumentException($"There are {classes.Count} classes, but the head in '{foreign.Folder}' has {outputs} outputs.", nameof(classes));

        var named = classes ?? ImportedTask.Usable(foreign.Classes, outputs) ?? ImportedTask.Usable(encoder.Classes, outputs);
        var task = (options ?? ImportedTask.OptionsFor(form, outputs, foreign.IsMultiLabel ?? encoder.IsMultiLabel)).ToTask();
        return ImportedTask.Complete(options is null ? ImportedTask.Shrunk(task, room) : task, head, named, foreign.Folder);
    }

    private static TrainedTensors Trained(
        PromptTask task, TuningMethod method, Backbone backbone, IReadOnlyDictionary<string, Tensor> tensors, ForeignHead? head, Device device)
    {
        var values = new Dictionary<string, Tensor>(tensors);
        if (head is not null)
            (values[HeadTensor.Weight], values[HeadTensor.Bias]) = (head.Weight, head.Bias);
        if (head?.Pooler is { } pooler)
            (values[HeadTensor.PoolerWeight], values[HeadTensor.PoolerBias]) = pooler;

        var trained = new TrainedTensors();
        foreach (var (name, shape) in task.Head.Declare(backbone).Select(tensor => (tensor.Name, tensor.Shape))
            .Concat(method.Declare(backbone).Select(tensor => (tensor.Name, tensor.Shape))))
            trained.Add(name, values[name].reshape(shape).to(device));
        return trained;
    }

    private static string Describe(TaskForm form) => form switch
    {
        TaskForm.Tokens => "tags",
        TaskForm.Answers => "answers",
        TaskForm.Choice => "choices",
        TaskForm.Writing => "texts that are written",
        _ => "texts",
    };
}
