using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning.Exchange;

/// <summary>The content of <c>adapter_config.json</c>, as PEFT 0.20 writes it: every field, in the order of the names.</summary>
internal static class PeftSettings
{
    /// <summary>The version whose fields are written; its commit is unknown to PEFT, too.</summary>
    private const string Version = "0.20.1.dev0@UNKNOWN";

    /// <summary>What PEFT 0.20 writes for settings of LoRA that are at their defaults.</summary>
    private const string LowRankDefaults = """
        {
          "alora_invocation_tokens": null, "alpha_pattern": {}, "arrow_config": null, "bias": "none", "corda_config": null, "ensure_weight_tying": false,
          "eva_config": null, "exclude_modules": null, "init_lora_weights": true, "kasa_config": null, "layer_replication": null, "layers_pattern": null,
          "layers_to_transform": null, "loftq_config": {}, "lora_bias": false, "lora_dropout": 0.0, "lora_ga_config": null, "megatron_config": null,
          "megatron_core": "megatron.core", "monteclora_config": null, "qalora_group_size": 16, "rank_pattern": {}, "target_parameters": null,
          "trainable_token_indices": null, "use_bdlora": null, "use_dora": false, "use_qalora": false, "use_rslora": false, "velora_config": null
        }
        """;

    /// <param name="baseModel">What PEFT loads as the encoder; null for the hub id, or the encoder's folder.</param>
    public static byte[] Of(PromptModel model, string? baseModel)
    {
        var (backbone, isLowRank) = (model.Network.Encoder.Backbone, model.Method is LowRankAdaptation);
        var form = ImportedTask.FormOf(model.Task);
        string[] modules = form switch
        {
            TaskForm.Answers => [TransformersHead.Answers],
            TaskForm.Writing => [],
            _ => [TransformersHead.Tags, "score"],
        };
        var isHub = model.Reference.Kind == BackboneKind.Hub && baseModel is null;
        var settings = new JsonObject
        {
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = baseModel ?? (isHub ? model.Reference.Name : model.Description.Directory),
            ["inference_mode"] = true,
            ["modules_to_save"] = modules.Length == 0 ? null : Texts(isLowRank ? modules : [.. modules, .. modules]), // PEFT adds them twice.
            ["peft_version"] = Version,
            ["revision"] = isHub ? model.Reference.Revision : null,
            ["task_type"] = form switch
            {
                TaskForm.Tokens => PeftNames.Tags,
                TaskForm.Answers => PeftNames.Answers,
                TaskForm.Writing => PeftNames.TextTaskOf(backbone),
                _ => PeftNames.Sentences,
            },
        };
        AddMethod(settings, model.Method, backbone);
        return Write(settings);
    }

    private static void AddMethod(JsonObject settings, TuningMethod method, Backbone backbone)
    {
        switch (method)
        {
            case LowRankAdaptation lowRank:
                AddLowRank(settings, lowRank, backbone);
                return;
            case DeepPrefix prefix:
                AddPrompt(settings, PeftNames.PrefixTuning, prefix.PrefixLength, backbone);
                settings["encoder_hidden_size"] = settings["token_dim"]!.DeepClone();
                settings["init_weights"] = null;
                settings["prefix_projection"] = false; // The network is lost; the saved prefix is its output.
                return;
            case PTuningV1 first:
                AddPrompt(settings, PeftNames.PTuning, first.Length, backbone);
                settings["encoder_dropout"] = JsonNode.Parse("0.0");
                settings["encoder_hidden_size"] = first.LstmSize > 0 ? first.LstmSize : settings["token_dim"]!.DeepClone();
                settings["encoder_num_layers"] = 2;
                settings["encoder_reparameterization_type"] = first.Network == PromptNetworkKind.Lstm ? "LSTM" : "MLP";
                return;
            case PromptTuning prompt:
                AddPrompt(settings, PeftNames.PromptTuning, prompt.Length, backbone);
                settings["prompt_tuning_init"] = "RANDOM";
                settings["prompt_tuning_init_text"] = null;
                settings["tokenizer_kwargs"] = null;
                settings["tokenizer_name_or_path"] = null;
                return;
        }
    }

    private static void AddPrompt(JsonObject settings, string kind, int length, Backbone backbone)
    {
        var encoder = backbone.Configuration;
        settings["peft_type"] = kind;
        settings["num_attention_heads"] = encoder.KeyValueHeads;
        settings["num_layers"] = encoder.Layers;
        settings["num_transformer_submodules"] = 1;
        settings["num_virtual_tokens"] = length;
        settings["token_dim"] = encoder.KeyValueHeads * encoder.HeadSize;
    }

    private static void AddLowRank(JsonObject settings, LowRankAdaptation method, Backbone backbone)
    {
        foreach (var (key, value) in JsonNode.Parse(LowRankDefaults)!.AsObject())
            settings[key] = value?.DeepClone();
        settings["peft_type"] = PeftNames.LowRank;
        settings["r"] = method.Rank;
        settings["lora_alpha"] = method.Alpha % 1 == 0 && Math.Abs(method.Alpha) < int.MaxValue ? (int)method.Alpha : method.Alpha;
        settings["fan_in_fan_out"] = backbone.LinearNames(0).IsTransposed;
        settings["target_modules"] = Texts(PeftTargets.Of(method, backbone));
    }

    private static JsonArray Texts(IEnumerable<string> texts) => [.. texts.Select(text => JsonValue.Create(text))];

    // As Python's json.dumps(settings, indent=2, sort_keys=True).
    private static byte[] Write(JsonObject settings)
    {
        var ordered = new JsonObject(settings
            .OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone())));
        return Encoding.UTF8.GetBytes(ordered.ToJsonString(new JsonSerializerOptions { WriteIndented = true }).ReplaceLineEndings("\n"));
    }
}
