using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Exchange;

/// <summary>A folder of another program's model, or of its encoder, to be bent by a test.</summary>
internal sealed class ForeignFolder : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public string Path => _directory.Path;

    /// <summary>A copy of golden files.</summary>
    /// <param name="path">A folder below that of the golden vectors.</param>
    public static ForeignFolder Copy(string path)
    {
        var source = System.IO.Path.Combine(GoldenFiles.Root, path);
        if (!Directory.Exists(source))
            throw new AssertInconclusiveException($"There is no '{source}'; PTUNING_GOLDEN names another folder of golden vectors.");
        var folder = new ForeignFolder();
        foreach (var file in Directory.GetFiles(source))
            System.IO.File.Copy(file, folder.File(System.IO.Path.GetFileName(file)));
        return folder;
    }

    /// <summary>The encoder of an adapter of PEFT, with a tokenizer.</summary>
    /// <param name="family">bert, roberta or gpt2.</param>
    public static ForeignFolder PeftEncoder(string family) => family == "gpt2" ? Copy("peft/gpt2").WithBytes() : Copy($"peft/{family}").WithTokenizer();

    public string File(string name) => _directory.File(name);

    public ForeignFolder Delete(string name)
    {
        System.IO.File.Delete(File(name));
        return this;
    }

    public ForeignFolder Write(string name, string content)
    {
        System.IO.File.WriteAllText(File(name), content);
        return this;
    }

    /// <summary>A vocabulary of words w5, w6, ... to the end of the encoder's; the padding token has the id that its configuration says.</summary>
    public ForeignFolder WithTokenizer()
    {
        var configuration = BackboneConfiguration.Read(Path);
        List<string> special = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        special.Insert(configuration.PadTokenId, "[PAD]");
        var words = Enumerable.Range(special.Count, configuration.VocabularySize - special.Count).Select(id => $"w{id}");
        System.IO.File.WriteAllLines(File("vocab.txt"), [.. special, .. words]);
        return this;
    }

    /// <summary>GPT-2's tokenizer, which has a token per byte. The vocabulary gets words behind its own, with random vectors.</summary>
    public ForeignFolder WithBytes()
    {
        const string Words = "transformer.wte.weight", Weights = "model.safetensors";
        string[] tokens = ["<|endoftext|>", .. ByteSymbols.Of.Select(symbol => symbol.ToString()), "ab"];
        var tensors = Read(Weights);
        var own = tensors[Words];
        tensors[Words] = cat([own, randn([tokens.Length - own.size(0), own.size(1)], generator: new Generator(1)) * 0.3]);
        Write(Weights, tensors);
        Write("vocab.json", JsonSerializer.Serialize(tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id)));
        Write("merges.txt", "#version: 0.2\na b\n");
        return Bend("config.json", settings => settings["vocab_size"] = tokens.Length);
    }

    /// <summary>Changes a JSON file.</summary>
    public ForeignFolder Bend(string name, Action<JsonObject> bend)
    {
        var json = JsonNode.Parse(System.IO.File.ReadAllText(File(name)))!.AsObject();
        bend(json);
        return Write(name, json.ToJsonString());
    }

    /// <summary>Writes tensors as safetensors.</summary>
    public ForeignFolder Write(string name, IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        using var stream = System.IO.File.Create(File(name));
        SafetensorsWriter.Write(stream, [.. tensors.Select(pair => (pair.Key, pair.Value))]);
        return this;
    }

    /// <summary>The tensors of a safetensors file, as copies.</summary>
    public Dictionary<string, Tensor> Read(string name) => ReadAll(File(name));

    /// <summary>The tensors of a golden file.</summary>
    public static Dictionary<string, Tensor> Golden(string path) => ReadAll(System.IO.Path.Combine(GoldenFiles.Root, $"{path}.safetensors"));

    public void Dispose() => _directory.Dispose();

    private static Dictionary<string, Tensor> ReadAll(string path)
    {
        using var file = SafetensorsFile.OpenToCopy(path);
        return file.LoadAll();
    }
}
