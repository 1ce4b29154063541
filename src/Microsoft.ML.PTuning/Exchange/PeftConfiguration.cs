using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>The methods of PEFT that are read and written.</summary>
internal enum PeftKind
{
    /// <summary>PREFIX_TUNING.</summary>
    Prefix,

    /// <summary>PROMPT_TUNING.</summary>
    Prompt,

    /// <summary>P_TUNING.</summary>
    PromptNetwork,

    /// <summary>LORA.</summary>
    LowRank,
}

/// <summary>What <c>adapter_config.json</c> says that matters for scores. Fields that are not known, or do not matter, are passed over.</summary>
internal sealed record PeftConfiguration
{
    /// <summary>Why prompts of a language model with an encoder are not read and not written.</summary>
    public const string NoTextToTextPrompts =
        "what PEFT's prompts do in the decoder and in its attention to the encoder depends on the version of transformers";

    private const string Verdict = "does not describe an adapter that can be imported";

    private static readonly Dictionary<string, PeftKind> Kinds = new()
    {
        [PeftNames.PrefixTuning] = PeftKind.Prefix,
        [PeftNames.PromptTuning] = PeftKind.Prompt,
        [PeftNames.PTuning] = PeftKind.PromptNetwork,
        [PeftNames.LowRank] = PeftKind.LowRank,
    };

    private static readonly Dictionary<string, TaskForm> Forms = new()
    {
        [PeftNames.Sentences] = TaskForm.Sentence,
        [PeftNames.Tags] = TaskForm.Tokens,
        [PeftNames.Answers] = TaskForm.Answers,
        [PeftNames.CausalText] = TaskForm.Writing,
        [PeftNames.TextToText] = TaskForm.Writing,
    };

    /// <summary>Starts of LoRA that leave the encoder's weights as they are; with others (PiSSA, OLoRA, CorDA, LoftQ) its weights change, too.</summary>
    private static readonly string[] PlainStarts = ["gaussian", "eva", "orthogonal"];

    /// <summary>Settings of LoRA that would change scores.</summary>
    private static readonly (string Key, string Why)[] Unsupported =
    [
        ("rank_pattern", "all products have the rank r here"),
        ("alpha_pattern", "all products have the same lora_alpha here"),
        ("use_dora", "DoRA scales the weights, too"),
        ("use_qalora", "QALoRA pools the inputs"),
        ("use_bdlora", "BD-LoRA has matrices of blocks"),
        ("lora_bias", "the products would have biases"),
        ("layer_replication", "the encoder's layers would be repeated"),
        ("alora_invocation_tokens", "the change would begin at these tokens"),
        ("arrow_config", "several adapters would be mixed"),
        ("kasa_config", "KaSA changes the weights, too"),
        ("target_parameters", "only linear layers are changed here"),
        ("trainable_token_indices", "the vectors of words would change, too"),
    ];

    public required PeftKind Kind { get; init; }

    /// <summary>The value of <c>task_type</c>; null if the adapter was made without a task.</summary>
    public string? TaskType { get; init; }

    /// <summary>What its head reads; null if the adapter was made without a task.</summary>
    public TaskForm? Form => TaskType is null ? null : Forms[TaskType];

    /// <summary>P; 0 for LoRA.</summary>
    public int PromptLength { get; init; }

    /// <summary>The network of P_TUNING.</summary>
    public PromptNetworkKind Network { get; init; }

    /// <summary>Its hidden size; 0 where none is given.</summary>
    public int NetworkSize { get; init; }

    /// <summary>The rank of LoRA, r.</summary>
    public int Rank { get; init; }

    /// <summary>The products are multiplied by <c>Alpha / Rank</c>, with rsLoRA, too.</summary>
    public double Alpha { get; init; }

    private string? BaseModel { get; init; }

    private string? Revision { get; init; }

    private string Source { get; init; } = "";

    /// <exception cref="InvalidDataException">It names none, or a folder of another computer.</exception>
    public string Encoder
    {
        get
        {
            if (string.IsNullOrWhiteSpace(BaseModel))
                throw new InvalidDataException($"'{Source}' names no base_model_name_or_path. Name its encoder, as Backbone of the options.");
            if (PlainPath.IsOnAnotherComputer(BaseModel))
                throw new InvalidDataException(
                    $"'{Source}' names a folder of another computer, '{BaseModel}'. Name the encoder yourself, as Backbone of the options.");
            return Revision is null or "main" || Directory.Exists(BaseModel) ? BaseModel : $"{BaseModel}@{Revision}";
        }
    }

    /// <summary>Whether a folder holds an adapter of PEFT.</summary>
    public static bool IsIn(string folder)
    {
        var path = Path.Combine(folder, PeftNames.Configuration);
        if (!File.Exists(path))
            return false;
        using var file = ConfigurationFile.Open(path, Verdict);
        return file.Has("peft_type");
    }

    /// <exception cref="InvalidDataException">It is no such adapter; all that is wrong is named.</exception>
    public static PeftConfiguration Read(string folder)
    {
        var path = Path.Combine(folder, PeftNames.Configuration);
        using var file = ConfigurationFile.Open(path, Verdict);
        var kind = Kinds.GetValueOrDefault(file.Word("peft_type", Kinds.Keys));
        var taskType = file.Has("task_type") ? file.Word("task_type", Forms.Keys) : null;
        if (taskType == PeftNames.TextToText && kind != PeftKind.LowRank)
            file.Fault($"peft_type is {file.Text("peft_type")} with task_type {taskType}, expected {PeftNames.LowRank}: {NoTextToTextPrompts}");
        file.ThrowIfFaulty();
        var read = new PeftConfiguration
        {
            Kind = kind,
            TaskType = taskType,
            BaseModel = file.Text("base_model_name_or_path"),
            Revision = file.Text("revision"),
            Source = path,
        };
        read = kind == PeftKind.LowRank ? read.WithLowRank(file) : read.WithPrompt(file);
        file.ThrowIfFaulty();
        return read;
    }

    private PeftConfiguration WithPrompt(ConfigurationFile file)
    {
        file.Integer("num_transformer_submodules", minimum: 1, fallback: 1, maximum: 1);
        var lstm = Kind == PeftKind.PromptNetwork && file.Word("encoder_reparameterization_type", ["MLP", "LSTM"], fallback: "MLP") == "LSTM";
        return this with
        {
            PromptLength = file.Integer("num_virtual_tokens", minimum: 1),
            Network = lstm ? PromptNetworkKind.Lstm : PromptNetworkKind.Mlp,
            NetworkSize = file.Integer("encoder_hidden_size", minimum: 1, fallback: 0),
        };
    }

    private PeftConfiguration WithLowRank(ConfigurationFile file)
    {
        foreach (var (key, why) in Unsupported)
            file.RequireEmpty(key, why);
        file.Word("bias", ["none"], fallback: "none");
        if (!file.IsSwitch("init_lora_weights"))
            file.Word("init_lora_weights", PlainStarts, fallback: PlainStarts[0]);
        var (rank, given) = (file.Integer("r", minimum: 1), file.Positive("lora_alpha", fallback: 8));
        var alpha = file.Switch("use_rslora", fallback: false) ? given * Math.Sqrt(rank) : given;
        if (alpha > float.MaxValue)
            file.Fault($"lora_alpha is {given}, more than a Single holds");
        return this with { Rank = rank, Alpha = alpha };
    }
}
