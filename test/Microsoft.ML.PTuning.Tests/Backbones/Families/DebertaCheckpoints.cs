using System.Text.Json.Nodes;

namespace Microsoft.ML.PTuning.Tests.Backbones.Families;

/// <summary>Tiny checkpoints in the shape of the published DeBERTa encoders.</summary>
internal static class DebertaCheckpoints
{
    /// <summary>deberta: one projection, no buckets; deberta-v2: a convolution; deberta-v3: none, as in its published models.</summary>
    public static TinyCheckpoint Create(string version, Action<JsonObject>? bend = null) =>
        new(version == "deberta" ? "deberta" : "deberta-v2", prefix: "", bend: configuration =>
        {
            configuration["relative_attention"] = true;
            configuration["pos_att_type"] = "c2p|p2c";
            configuration["position_biased_input"] = false;
            configuration["type_vocab_size"] = 0;
            if (version != "deberta")
            {
                configuration["position_buckets"] = 4;
                configuration["share_att_key"] = true;
                configuration["norm_rel_ebd"] = "layer_norm";
            }
            if (version == "deberta-v2")
            {
                configuration["conv_kernel_size"] = 3;
                configuration["conv_act"] = "gelu";
            }
            bend?.Invoke(configuration);
        });
}
