using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>A Hugging Face directory with a tiny encoder of random weights, to be bent by a test and then saved.</summary>
internal sealed class TinyCheckpoint : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    /// <param name="prefix">What keys begin with; null for the family's own.</param>
    /// <param name="bend">What to change in the configuration before weights are made for it.</param>
    public TinyCheckpoint(string modelType = "bert", string? prefix = null, Action<JsonObject>? bend = null)
    {
        Configuration = modelType switch
        {
            "distilbert" => LikeDistilBert(),
            "gpt2" => LikeGpt2(),
            "bart" => LikeBart(),
            "glm" => LikeGlm(),
            "chatglm" => LikeChatGlm(),
            _ => LikeBert(modelType),
        };
        bend?.Invoke(Configuration);
        SaveConfiguration();

        using var generator = new Generator(5);
        var family = BackboneFamilies.Find(modelType)!;
        foreach (var declaration in family.Declare(BackboneConfiguration.Read(Path)))
            Tensors[(prefix ?? family.Keys.Prefix) + declaration.Name] = randn(declaration.Shape, generator: generator);
    }

    public string Path => _directory.Path;

    public string WeightsPath => _directory.File("model.safetensors");

    public JsonObject Configuration { get; }

    public Dictionary<string, Tensor> Tensors { get; } = [];

    /// <summary>Writes the weights, in the order of <see cref="Tensors"/>.</summary>
    public TinyCheckpoint Save(SafetensorsStorage storage = SafetensorsStorage.F32)
    {
        using var stream = File.Create(WeightsPath);
        SafetensorsWriter.Write(stream, [.. Tensors.Select(pair => (pair.Key, pair.Value))], storage);
        return this;
    }

    public TinyCheckpoint SaveConfiguration()
    {
        File.WriteAllText(_directory.File("config.json"), Configuration.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        return this;
    }

    public Backbone Load() => Backbone.Load(Path, CPU);

    public void Dispose()
    {
        foreach (var tensor in Tensors.Values)
            tensor.Dispose();
        _directory.Dispose();
    }

    /// <summary>ELECTRA and ALBERT have embeddings of 6; the others do not look at the key.</summary>
    private static JsonObject LikeBert(string modelType)
    {
        var isRoberta = modelType is "roberta" or "xlm-roberta";
        return JsonNode.Parse($$"""
            {
              "model_type": "{{modelType}}", "vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2,
              "intermediate_size": 12, "hidden_act": "gelu", "max_position_embeddings": 16, "type_vocab_size": {{(isRoberta ? 1 : 2)}},
              "layer_norm_eps": 1e-5, "pad_token_id": {{(isRoberta ? 1 : 0)}}, "embedding_size": {{(modelType is "electra" or "albert" ? 6 : 8)}}
            }
            """)!.AsObject();
    }

    private static JsonObject LikeDistilBert() => JsonNode.Parse("""
        {
          "model_type": "distilbert", "vocab_size": 30, "dim": 8, "n_layers": 3, "n_heads": 2, "hidden_dim": 12, "activation": "gelu",
          "max_position_embeddings": 16, "sinusoidal_pos_embds": true, "pad_token_id": 0
        }
        """)!.AsObject();

    private static JsonObject LikeGpt2() => JsonNode.Parse("""
        {
          "model_type": "gpt2", "vocab_size": 30, "n_embd": 8, "n_layer": 3, "n_head": 2, "n_inner": 12, "n_positions": 64, "activation_function": "gelu_new"
        }
        """)!.AsObject();

    private static JsonObject LikeBart() => JsonNode.Parse("""
        {
          "model_type": "bart", "vocab_size": 30, "d_model": 8, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
          "decoder_attention_heads": 2, "encoder_ffn_dim": 12, "decoder_ffn_dim": 12, "activation_function": "gelu", "max_position_embeddings": 64,
          "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2
        }
        """)!.AsObject();

    private static JsonObject LikeGlm() => JsonNode.Parse("""
        {
          "model_type": "glm", "vocab_size": 30, "hidden_size": 8, "num_layers": 3, "num_attention_heads": 2, "max_sequence_length": 64
        }
        """)!.AsObject();

    private static JsonObject LikeChatGlm() => JsonNode.Parse("""
        {
          "model_type": "chatglm", "vocab_size": 30, "hidden_size": 8, "num_layers": 3, "num_attention_heads": 2, "inner_hidden_size": 12,
          "max_sequence_length": 64, "position_encoding_2d": true
        }
        """)!.AsObject();
}
