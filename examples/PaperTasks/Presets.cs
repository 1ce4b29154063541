using System.Text.Json;
using Microsoft.ML.PTuning;

namespace PaperTasks;

/// <summary>What tells one published encoder from another.</summary>
internal sealed record BackboneShape(string ModelType, int Layers, int HiddenSize, int VocabularySize)
{
    public static BackboneShape BertLargeCased { get; } = new("bert", 24, 1024, 28_996);

    public static BackboneShape BertLargeUncased { get; } = BertLargeCased with { VocabularySize = 30_522 };

    public static BackboneShape RobertaLarge { get; } = new("roberta", 24, 1024, 50_265);

    /// <summary>Reads a Hugging Face directory's <c>config.json</c>.</summary>
    /// <returns>Null where there is no such file or it says too little; what is wrong with it is the library's to say.</returns>
    public static BackboneShape? Read(string directory)
    {
        string file = Path.Combine(directory, "config.json");
        if (!File.Exists(file))
            return null;

        try
        {
            using var configuration = JsonDocument.Parse(File.ReadAllBytes(file));
            JsonElement root = configuration.RootElement;
            return new BackboneShape(
                root.GetProperty("model_type").GetString()!,
                root.GetProperty("num_hidden_layers").GetInt32(),
                root.GetProperty("hidden_size").GetInt32(),
                root.GetProperty("vocab_size").GetInt32());
        }
        catch (Exception problem) when (problem is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}

/// <summary>The official run scripts' hyper-parameters of a task on a backbone: github.com/THUDM/P-tuning-v2, <c>run_script/</c>.</summary>
/// <param name="Dropout">Of the prefix, of the head, and inside the frozen backbone: the scripts know only one number.</param>
/// <param name="Projection">Whether the prefix is trained through a network.</param>
/// <param name="Template">Which of the two wordings of a task that has them.</param>
/// <param name="Pooling">
/// The official heads for texts read the checkpoint's pooler. roberta-large has none; the official code then uses a random frozen one, which is
/// trained here.
/// </param>
internal sealed record Preset(
    int PrefixLength, double LearningRate, int BatchSize, int Epochs, int MaxLength, double Dropout, int Seed,
    bool Projection = false, int Template = 0, Pooling Pooling = Pooling.Automatic)
{
    private static readonly Dictionary<(string Task, BackboneShape Backbone), Preset> Published = new()
    {
        [("boolq", BackboneShape.BertLargeCased)] = new(40, 5e-3, 32, 100, 128, 0.1, 11, Pooling: Pooling.Checkpoint),
        [("boolq", BackboneShape.RobertaLarge)] = new(8, 7e-3, 32, 100, 128, 0.1, 11, Pooling: Pooling.Trained),
        [("copa", BackboneShape.BertLargeCased)] = new(16, 1e-2, 16, 80, 128, 0.1, 44, Pooling: Pooling.Checkpoint),
        [("copa", BackboneShape.RobertaLarge)] = new(8, 9e-3, 16, 120, 128, 0.1, 11, Pooling: Pooling.Trained),
        [("rte", BackboneShape.BertLargeCased)] = new(20, 1e-2, 32, 60, 128, 0.1, 11, Pooling: Pooling.Checkpoint),
        [("rte", BackboneShape.RobertaLarge)] = new(128, 5e-3, 32, 100, 128, 0.1, 11, Pooling: Pooling.Trained),
        [("wic", BackboneShape.BertLargeCased)] = new(20, 1e-4, 16, 80, 128, 0.1, 44, Projection: true, Template: 1, Pooling: Pooling.Checkpoint),
        [("wic", BackboneShape.RobertaLarge)] = new(8, 1e-2, 32, 50, 128, 0.1, 11, Pooling: Pooling.Trained),
        [("wsc", BackboneShape.BertLargeCased)] = new(20, 5e-3, 16, 80, 128, 0.1, 44, Pooling: Pooling.Checkpoint),
        [("wsc", BackboneShape.RobertaLarge)] = new(8, 1e-2, 16, 10, 128, 0.1, 44, Pooling: Pooling.Trained),
        [("conll2003", BackboneShape.RobertaLarge)] = new(11, 3e-2, 16, 30, 152, 0.1, 11),
        [("conll04", BackboneShape.BertLargeUncased)] = new(128, 2e-2, 32, 40, 128, 0.2, 11),
        [("conll04", BackboneShape.RobertaLarge)] = new(144, 6e-2, 32, 80, 128, 0.1, 11),
        [("ontonotes", BackboneShape.BertLargeUncased)] = new(16, 1e-2, 16, 30, 128, 0.1, 11),
        [("ontonotes", BackboneShape.RobertaLarge)] = new(48, 7e-3, 16, 60, 128, 0.1, 14),
        [("conll2005", BackboneShape.RobertaLarge)] = new(224, 6e-3, 16, 15, 128, 0.1, 11),
        [("conll2012", BackboneShape.RobertaLarge)] = new(64, 5e-3, 32, 45, 128, 0.1, 11),
        [("squad", BackboneShape.RobertaLarge)] = new(16, 5e-3, 8, 30, 384, 0.2, 11),
        [("squad2", BackboneShape.RobertaLarge)] = new(8, 5e-3, 8, 10, 384, 0.2, 11),
    };

    /// <returns>Null where the official code has no script for the task on this backbone.</returns>
    public static Preset? For(string task, BackboneShape? backbone) =>
        backbone is null ? null : Published.GetValueOrDefault((task, backbone));
}
