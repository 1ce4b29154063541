using System.IO.Compression;
using System.Text.Json;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using Microsoft.ML.PTuning.Tests.Checkpoints;
using Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;
using Microsoft.ML.PTuning.Tests.Persistence;
using Microsoft.ML.PTuning.Tests.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>Good files of every format, small ones: a folder a parser, in it a folder a variant.</summary>
internal sealed class FuzzSeeds : IDisposable
{
    private const string Document = "Prompt.json", Tensors = "Prompt.safetensors", Zip = "model.zip";

    private readonly TemporaryDirectory _root = new();
    private readonly TinyModel _model = new(); // Models refer to its encoder by its folder.

    public FuzzSeeds()
    {
        WriteModels();
        WriteWeights();
        WriteConfigurations();
        WriteTokenizers();
        WriteCheckpoints();
        WriteAdapters();
        Write("sweep-results", "some", "results.jsonl", """
            {"options":{"LearningRate":0.01,"PrefixLength":4},"metric":0.75,"seconds":1.5}
            {"options":{"LearningRate":0.1,"PrefixLength":8},"error":"The loss is NaN.","seconds":0.5}

            """.ReplaceLineEndings("\n"));
    }

    public string Path => _root.Path;

    public void Dispose()
    {
        _model.Dispose();
        _root.Dispose();
    }

    private void WriteModels()
    {
        WriteModel("tiny", _model.Save());
        WriteModel("tiny-half", _model.Save(halfPrecision: true));
        using (var lora = Fit(new LowRankAdaptation { Rank = 2 }))
        using (var stream = new MemoryStream())
        {
            lora.SaveTo(stream);
            WriteModel("tiny-lora", stream.ToArray());
        }
        foreach (var path in Directory.GetFiles(System.IO.Path.Combine(AppContext.BaseDirectory, "saved"), "*.zip"))
        {
            var (saved, name) = (File.ReadAllBytes(path), System.IO.Path.GetFileNameWithoutExtension(path));
            WriteModel(name, OwnZip(ZipBytes.Read(saved, Document), ZipBytes.Read(saved, Tensors)));
            if (name is "classes" or "tags")
                Write("mlnet-zip", name, Zip, saved);
        }
        using var model = new MemoryStream();
        _model.MLContext.Model.Save(_model.Transformer, _model.Data.Schema, model);
        Write("mlnet-zip", "tiny", Zip, model.ToArray());
    }

    private PTuningV2Transformer Fit(TuningMethod method, Pooling pooling = Pooling.Automatic)
    {
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = _model.Encoder.Path,
            Method = method,
            Pooling = pooling,
            MaxLength = 12,
            MaxEpochs = 1,
            Seed = 1,
        };
        return _model.MLContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(_model.Data);
    }

    private void WriteModel(string variant, byte[] zip)
    {
        Write("model-zip", variant, Zip, zip);
        foreach (var parser in (string[])["prompt-json", "prompt-tensors"])
        {
            Write(parser, variant, Document, ZipBytes.Read(zip, Document));
            Write(parser, variant, Tensors, ZipBytes.Read(zip, Tensors));
        }
    }

    private static byte[] OwnZip(byte[] document, byte[] tensors)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in ((string, byte[])[])[(Document, document), (Tensors, tensors)])
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }
        return stream.ToArray();
    }

    private void WriteWeights()
    {
        Encoder("safetensors", "bert", new(), checkpoint => checkpoint.Save());
        Encoder("safetensors", "bert-half", new(), checkpoint => checkpoint.Save(SafetensorsStorage.F16));
        Encoder("safetensors", "distilbert", new("distilbert"), checkpoint => checkpoint.Save());
        Encoder("torch", "bert", new(), checkpoint => checkpoint.SaveAs(WrittenFormats.Torch));
        Encoder("torch", "bert-deflated", new(), checkpoint => TorchWriter.Write(
            System.IO.Path.Combine(checkpoint.Path, WrittenFormats.Torch), checkpoint.Tensors.Select(pair => (pair.Key, pair.Value)),
            CompressionLevel.Fastest));
        Encoder("onnx", "bert", new(), checkpoint => checkpoint.SaveAs(WrittenFormats.Onnx));
        Encoder("onnx", "bert-external", new(), checkpoint => checkpoint.SaveAs(WrittenFormats.OnnxInFolder));
        Encoder("onnx", "bert-quantized", new(), checkpoint => Rewrite(checkpoint, draft => draft.Quantized(isPerChannel: true, isSigned: false)));
        Encoder("onnx", "bert-fields", new(), checkpoint => Rewrite(checkpoint, draft => draft.InFields(isPacked: true).WithConstantNodes()));
        Encoder("sharded-index", "safetensors", new(), checkpoint => checkpoint.SaveAs(WrittenFormats.ShardedSafetensors));
        Encoder("sharded-index", "torch", new(), checkpoint => checkpoint.SaveAs(WrittenFormats.ShardedTorch));
    }

    private void WriteConfigurations()
    {
        foreach (var family in (string[])["bert", "roberta", "xlm-roberta", "electra", "distilbert", "albert", "glm", "chatglm"])
            Encoder("config", family, new(family), checkpoint => checkpoint.Save());
        Encoder("config", "gpt2", new("gpt2", bend: configuration =>
        {
            foreach (var (key, value) in ((string, int)[])[("n_embd", 8), ("n_layer", 3), ("n_head", 2), ("n_positions", 16), ("n_inner", 12)])
                configuration[key] = value;
        }), checkpoint => checkpoint.Save());
        foreach (var version in (string[])["deberta", "deberta-v2", "deberta-v3"])
            Encoder("config", version, DebertaCheckpoints.Create(version), checkpoint => checkpoint.Save());
        Encoder("config", "sentence", new(), checkpoint =>
        {
            checkpoint.Save();
            Directory.CreateDirectory(System.IO.Path.Combine(checkpoint.Path, "1_Pooling"));
            File.WriteAllText(
                System.IO.Path.Combine(checkpoint.Path, "1_Pooling", "config.json"), """{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}""");
            File.WriteAllText(System.IO.Path.Combine(checkpoint.Path, "modules.json"), """
                [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                 {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
                """);
        });
    }

    private void WriteTokenizers()
    {
        const string Special = """
            "added_tokens_decoder": {"2": {"content": "[CLS]", "lstrip": false, "special": true}}, "do_lower_case": true, "strip_accents": null,
            "cls_token": "[CLS]", "sep_token": {"content": "[SEP]", "lstrip": false}, "model_max_length": 512
            """;
        const string Map = """{"cls_token": "[CLS]", "mask_token": {"content": "[MASK]", "lstrip": false, "normalized": true}, "unk_token": "[UNK]"}""";
        const string Letters = "abcdefghijklmnopqrstuvwxyz";
        string[] words = [.. Letters.Select(letter => $"{letter}"), .. Letters.Select(letter => $"##{letter}"), "the", "parcel"];
        string[] merges = ["a b", "ab c", "l o", "lo w", "e r"];

        Tokenizer("bert", TokenizerFolder.WordPiece($$"""{"tokenizer_class": "BertTokenizer", {{Special}}}""", words), Map);
        Tokenizer(
            "roberta", TokenizerFolder.ByteLevel("""{"tokenizer_class": "RobertaTokenizer", "add_prefix_space": true, "mask_token": "<mask>"}""", merges), "{}");
        var albert = UnigramModelFile.Albert().AddCharacters("abcdelmnoprtw 0123,.");
        Tokenizer("albert", TokenizerFolder.SentencePiece("spiece.model", albert, """{"keep_accents": false}"""), Map);
        var map = CharacterMapFile.Write(("\t", " "), ("\u0001", ""), ("e\u0301", "\u00e9"), ("e", "E"));
        var normalized = new UnigramModelFile { CharacterMap = map }.AddXlmRobertaSpecials().AddCharacters("abcdelmnoprtw");
        Tokenizer("xlm-roberta", TokenizerFolder.SentencePiece("sentencepiece.bpe.model", normalized), "{}");
        var deberta = UnigramModelFile.DebertaV2(byteFallback: true).AddBytes().AddCharacters("abc");
        Tokenizer("deberta-v2", TokenizerFolder.SentencePiece("spm.model", deberta), "{}");

        Tokenizer("gpt2", TokenizerFolder.Gpt2("""{"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true}""", merges), """{"pad_token": "a"}""");
        var glm = TokenizerFolder.Gpt2("""{"auto_map": {"AutoTokenizer": ["tokenization_glm.GLMGPT2Tokenizer", null]}}""", merges);
        glm.Write("added_tokens.json", """
            {"[CLS]": 300, "[SEP]": 301, "[MASK]": 302, "[gMASK]": 303, "[sMASK]": 304, "<|startofpiece|>": 305, "<|endofpiece|>": 306}
            """);
        Tokenizer("glm", glm, """{"mask_token": {"content": "[MASK]", "lstrip": true}, "additional_special_tokens": ["[gMASK]", "[sMASK]"]}""");
        var chatGlm = UnigramModelFile.ChatGlm().AddCharacters("abcdelmnoprtw");
        Tokenizer("chatglm", TokenizerFolder.SentencePiece("ice_text.model", chatGlm, """{"num_image_tokens": 20}"""), """{"mask_token": "[MASK]"}""");

        using var wordPiece = new TokenizerFolder();
        wordPiece.Write("tokenizer.json", Fast(
            "WordPiece", TokenizerFolder.BertTokens.Concat(words).Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id),
            """{"type": "BertNormalizer", "lowercase": true, "strip_accents": null}""", "BertPreTokenizer", "[]"));
        Copy(wordPiece.Path, "tokenizer-json", "bert");
        using var bytePairs = new TokenizerFolder();
        bytePairs.Write("tokenizer.json", Fast("BPE", TokenizerFolder.ByteLevelIds(merges), "null", "ByteLevel", JsonSerializer.Serialize(merges)));
        Copy(bytePairs.Path, "tokenizer-json", "roberta");
    }

    private void Tokenizer(string variant, TokenizerFolder folder, string specialTokens)
    {
        using (folder)
        {
            Copy(folder.Path, Directory.GetFiles(folder.Path, "*.model") is [] ? "vocabulary" : "sentencepiece", variant);
            folder.Write("special_tokens_map.json", specialTokens);
            Copy(folder.Path, "tokenizer-config", variant);
        }
    }

    private static string Fast(string type, Dictionary<string, int> vocabulary, string normalizer, string preTokenizer, string merges) => $$"""
        {
          "version": "1.0", "truncation": null,
          "added_tokens": [{"id": 2, "content": "{{(type == "BPE" ? "</s>" : "[CLS]")}}", "special": true, "lstrip": false}],
          "normalizer": {{normalizer}}, "pre_tokenizer": {"type": "{{preTokenizer}}", "add_prefix_space": false},
          "model": {"type": "{{type}}", "unk_token": "{{(type == "BPE" ? "<unk>" : "[UNK]")}}", "continuing_subword_prefix": "{{(type == "BPE" ? "" : "##")}}",
                    "vocab": {{JsonSerializer.Serialize(vocabulary)}}, "merges": {{merges}}}
        }
        """;

    private void WriteCheckpoints()
    {
        foreach (var (variant, last) in ((string, int)[])[("half", 4), ("finished", int.MaxValue)])
        {
            var folder = Copy(_model.Encoder.Path, "training-checkpoint", System.IO.Path.Combine(variant, CheckpointedTraining.EncoderFolder));
            using var source = new CancellationTokenSource();
            try
            {
                CheckpointedTraining.Run(System.IO.Path.GetDirectoryName(folder)!, [], step =>
                {
                    if (step == last)
                        source.Cancel();
                }, source.Token);
            }
            catch (OperationCanceledException)
            {
                // It left its state.
            }
        }
    }

    private void WriteAdapters()
    {
        const string Weights = "adapter_model.safetensors", Root = "bert.prefix_tuning.prefix_tunings.x.self_prefix.";
        foreach (var (variant, method) in ((string, TuningMethod)[])[
            ("prefix", new DeepPrefix { PrefixLength = 2 }), ("prompt", new PromptTuning { Length = 2, ReadsPrompt = true }),
            ("lora", new LowRankAdaptation { Rank = 2 })])
        {
            using var model = Fit(method, Pooling.Checkpoint);
            model.ExportPeft(Copy(_model.Encoder.Path, "peft-adapter", variant));
        }

        var torch = Copy(System.IO.Path.Combine(Path, "peft-adapter", "prefix"), "peft-adapter", "prefix-torch");
        using (var file = SafetensorsFile.OpenToCopy(System.IO.Path.Combine(torch, Weights)))
            TorchWriter.Write(System.IO.Path.Combine(torch, "adapter_model.bin"), file.LoadAll().Select(pair => (pair.Key, pair.Value)));
        File.Delete(System.IO.Path.Combine(torch, Weights));

        Prefix("flat", (Root + "control_trans", ones(2 * 48)));
        Prefix(
            "network", (Root + "wte.weight", ones(2, 8)), (Root + "control_trans.0.weight", ones(4, 8)), (Root + "control_trans.0.bias", ones(4)),
            (Root + "control_trans.2.weight", ones(48, 4)), (Root + "control_trans.2.bias", ones(48)));

        void Prefix(string variant, params (string, Tensor)[] tensors)
        {
            var folder = Copy(_model.Encoder.Path, "adapterhub-prefix", variant);
            Write("adapterhub-prefix", variant, "adapter_config.json", """
                {"config": {"architecture": "prefix_tuning", "leave_out": [], "non_linearity": "tanh", "use_gating": false}, "model_name": "bert", "name": "x"}
                """);
            Write("adapterhub-prefix", variant, "head_config.json", """
                {"config": {"head_type": "classification", "layers": 1, "use_pooler": true, "label2id": {"a": 0, "b": 1}}, "name": "x"}
                """);
            using (var stream = File.Create(System.IO.Path.Combine(folder, "adapter.safetensors")))
                SafetensorsWriter.Write(stream, tensors);
            using (var stream = File.Create(System.IO.Path.Combine(folder, "model_head.safetensors")))
                SafetensorsWriter.Write(stream, [("heads.x.1.weight", ones(2, 8)), ("heads.x.1.bias", ones(2))]);
        }
    }

    private void Encoder(string parser, string variant, TinyCheckpoint checkpoint, Action<TinyCheckpoint> save)
    {
        using (checkpoint)
        {
            save(checkpoint);
            Copy(checkpoint.Path, parser, variant);
        }
    }

    private static void Rewrite(TinyCheckpoint checkpoint, Func<OnnxDraft, OnnxDraft> rewrite)
    {
        checkpoint.SaveAs(WrittenFormats.Onnx);
        var path = System.IO.Path.Combine(checkpoint.Path, WrittenFormats.Onnx);
        rewrite(OnnxDraft.Read(path)).Save(path);
    }

    private string Copy(string from, string parser, string variant)
    {
        foreach (var path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            Write(parser, variant, System.IO.Path.GetRelativePath(from, path), File.ReadAllBytes(path));
        return System.IO.Path.Combine(Path, parser, variant);
    }

    private void Write(string parser, string variant, string name, byte[] content)
    {
        var path = System.IO.Path.Combine(Path, parser, variant, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
    }

    private void Write(string parser, string variant, string name, string content) => Write(parser, variant, name, System.Text.Encoding.UTF8.GetBytes(content));
}
