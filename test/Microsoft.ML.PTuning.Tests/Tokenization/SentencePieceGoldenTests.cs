using System.Globalization;
using System.Text.Json;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tests.Tokenization;

/// <summary>Ids as SentencePiece 0.1.97 gave them (<c>golden/sentencepiece/make.py</c>): runs of a character, where many ways to cut are equally good.</summary>
[TestClass]
public sealed class SentencePieceGoldenTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "golden", "sentencepiece");

    [TestMethod]
    [DataRow("plain")]
    [DataRow("bytes")]
    public void A_text_has_the_ids_of_SentencePiece(string model) => Compare(model, TextTokenizer.Load(Path.Combine(Folder, model), "deberta-v2"));

    [TestMethod]
    [DataRow("albert-base-v2")]
    public void A_run_of_a_character_has_the_ids_of_SentencePiece(string model)
    {
        if (GoldenFiles.Tokenizers is not string vocabularies)
            throw new AssertInconclusiveException("No real vocabularies: set PTUNING_TOKENIZERS to their folder.");

        Compare(model, TextTokenizer.Load(Path.Combine(vocabularies, model), "albert"));
    }

    private static void Compare(string model, TextTokenizer tokenizer)
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "cases.json")));
        foreach (var one in file.RootElement.GetProperty(model).EnumerateArray())
        {
            var text = one.TryGetProperty("text", out var given)
                ? given.GetString()!
                : new string(one.GetProperty("run").GetString()![0], one.GetProperty("length").GetInt32());

            Assert.AreEqual(one.GetProperty("ids").GetString(), Shortened(tokenizer.Ids(text)), text);
        }
    }

    /// <summary>An id, and how often it stands there: 13 8096*11 43.</summary>
    private static string Shortened(int[] ids)
    {
        var runs = new List<(int Id, int Count)>();
        foreach (var id in ids)
        {
            if (runs is [.., var last] && last.Id == id)
                runs[^1] = (id, last.Count + 1);
            else
                runs.Add((id, 1));
        }
        return string.Join(' ', runs.Select(run => run.Count > 1 ? FormattableString.Invariant($"{run.Id}*{run.Count}") : run.Id.ToString(CultureInfo.InvariantCulture)));
    }
}
