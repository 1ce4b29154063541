using PretrainEncoder.Data;
using PretrainEncoder.Models;

namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>From the files of a corpus to what a model learns.</summary>
[TestClass]
public sealed class PretrainingDataTests
{
    private const int Begin = 2, End = 3, Mask = 4;

    private static readonly Dictionary<string, Action<CountingCorpus>> Damages = new()
    {
        [".NET does not read .xz. Unpack the file: xz -dk "] = corpus =>
        {
            corpus.Delete("ids.u16");
            corpus.WriteBytes("ids.u16.xz", [1]);
        },
        ["docs.i64: expected a file of the corpus"] = corpus => corpus.Delete("docs.i64"),
        ["ids.u16: expected numbers of 2 bytes, but found 3 bytes."] = corpus => corpus.WriteBytes("ids.u16", [5, 0, 5]),
        ["ids.u16: expected ids below 17, the tokens of vocab.txt, but found 17."] = corpus => corpus.Write([[5, 6], [5, 17]]),
        ["docs.i64: expected documents from 0 to the 1 tokens of ids.u16, but found 0 to 390."] = corpus => corpus.WriteBytes("ids.u16", [5, 0]),
        ["docs.i64: expected a document to begin behind 1, where the one before it does, but found 1."] = corpus => corpus.Write([[5], [], [6]]),
        ["docs.i64: expected two documents at least, one to train on and one to judge, but found 1."] = corpus => corpus.Write([[5]]),
        ["vocab.txt: expected the special token [MASK], but found 16 tokens without it."] = corpus =>
            File.WriteAllLines(Path.Combine(corpus.Path, "vocab.txt"), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "", .. CountingCorpus.Words]),
    };

    private readonly CountingCorpus _corpus = new();

    public static IEnumerable<object[]> Messages => Damages.Keys.Select(message => new object[] { message });

    [TestCleanup]
    public void DeleteCorpus() => _corpus.Dispose();

    [TestMethod]
    [DynamicData(nameof(Messages))]
    public void Damaged_corpus_is_refused(string message)
    {
        Damages[message](_corpus);
        Exception refused = Assert.Throws<Exception>(() => Corpus.Read(_corpus.Path));
        StringAssert.Contains(refused.Message, message);
    }

    /// <summary>A pass has every token of a training document once, and none of another.</summary>
    [TestMethod]
    [DataRow(3)]
    [DataRow(5)]
    [DataRow(20)]
    public void Windows_cut_every_document_into_pieces(int length)
    {
        using var corpus = new CountingCorpus(documents: 250);
        Corpus read = Corpus.Read(corpus.Path);
        var windows = new PretrainEncoder.Data.Windows(read, length);
        int[] heldOut = [99, 199, 249];
        bool IsHeldOut(int token) => heldOut.Any(document => token >= read.Starts[document] && token < read.Starts[document + 1]);
        int expected = Enumerable.Range(0, read.Ids.Length).Count(token => !IsHeldOut(token));

        var covered = new List<int>();
        foreach (Window window in windows.Batches(1, new Random(1)).Select(batch => batch[0]))
        {
            Assert.IsInRange(1, length, window.Length);
            int document = Array.FindLastIndex(read.Starts, start => start <= window.Start);
            Assert.IsLessThanOrEqualTo(read.Starts[document + 1], window.Start + window.Length);
            Assert.AreEqual(window.Start + window.Length == read.Starts[document + 1], window.EndsDocument);
            covered.AddRange(Enumerable.Range(window.Start, window.Length));
            if (covered.Count >= expected)
                break;
        }

        CollectionAssert.AllItemsAreUnique(covered);
        Assert.HasCount(expected, covered);
        Assert.IsFalse(covered.Any(IsHeldOut));
        Assert.IsTrue(windows.HeldOut(1000).All(window => IsHeldOut(window.Start)));
        Assert.AreEqual(heldOut.Sum(document => read.Starts[document + 1] - read.Starts[document]), windows.HeldOut(1000).Sum(window => window.Length));
        Assert.HasCount(2, windows.HeldOut(2));
        Assert.AreEqual(3, windows.HeldOutDocuments);
    }

    [TestMethod]
    public void Decoder_learns_the_next_word_and_where_a_document_ends()
    {
        Corpus corpus = Corpus.Read(_corpus.Path);
        PretrainingRow end = CountingCorpus.Model("gpt2").Row([5, 6, 7], endsDocument: true, corpus, new Random(1));
        PretrainingRow middle = CountingCorpus.Model("gpt2").Row([5, 6, 7], endsDocument: false, corpus, new Random(1));

        CollectionAssert.AreEqual(new[] { Begin, 5, 6, 7 }, end.Text.Ids);
        CollectionAssert.AreEqual(new[] { 5, 6, 7, End }, end.Words);
        CollectionAssert.AreEqual(new[] { 0, 1, 2, 3 }, end.Places);
        CollectionAssert.AreEqual(new[] { Begin, 5, 6 }, middle.Text.Ids);
        CollectionAssert.AreEqual(new[] { 5, 6, 7 }, middle.Words);
    }

    /// <summary>The shares of Devlin et al. 2019, within four standard deviations of the draws.</summary>
    [TestMethod]
    public void Encoder_learns_the_words_of_gaps()
    {
        const int Rows = 4000, Length = 12;
        Corpus corpus = Corpus.Read(_corpus.Path);
        var random = new Random(1);
        ushort[] window = [.. Enumerable.Range(5, Length).Select(id => (ushort)id)];
        PretrainingRow[] rows = [.. Enumerable.Range(0, Rows).Select(_ => CountingCorpus.Model("bert").Row(window, true, corpus, random))];

        int asked = rows.Sum(row => row.Places.Length);
        double none = Math.Pow(0.85, Length); // A row without a draw gets one place.
        AssertShare(0.15 + none / Length, asked, Rows * Length);
        (int Word, int Read)[] places = [.. rows.SelectMany(row => row.Places.Zip(row.Words, (place, word) => (word, row.Text.Ids[place])))];
        AssertShare(0.8, places.Count(place => place.Read == Mask), asked);
        AssertShare(0.1 + 0.1 / 13, places.Count(place => place.Read == place.Word), asked); // 12 words and [UNK]: one may be drawn for itself.
        AssertShare(0.5, rows.Count(row => row.Text.Segments.Contains(1)), Rows);
        foreach (PretrainingRow row in rows)
        {
            int[] whole = [.. row.Text.Ids];
            foreach (var (place, word) in row.Places.Zip(row.Words))
                whole[place] = word;
            CollectionAssert.AreEqual(window.Select(id => (int)id).ToArray(), whole.Where(id => id is not (Begin or End)).ToArray());
            Assert.AreEqual((Begin, End, 0), (whole[0], whole[^1], row.Text.Segments[0]));
            Assert.AreEqual(row.Text.Segments[^1], whole[..^1].Count(id => id == End));
        }
    }

    [TestMethod]
    [DataRow("--family gpt2 --corpus c --out o --minutes 2 --layers 2 --hidden 64 --heads 2 --seed 3 --half-precision", null)]
    [DataRow("--family bert --corpus c --out o --steps 10 --window 64 --positions 64 --learning-rate 1e-4", null)]
    [DataRow("--family t5 --corpus c --out o", "'t5' not recognized")]
    [DataRow("--family bert --corpus c --out o --hidden 100 --heads 3", "--hidden: expected a multiple of the 3 heads, found 100.")]
    [DataRow("--family bert --corpus c --out o --window 128 --positions 64", "--window: expected at most the 64 positions, found 128.")]
    [DataRow("--family bert --corpus c --out o --minutes 1 --steps 5", "Expected --minutes or --steps, found both.")]
    [DataRow("--family bert --corpus c --out o --heads 0", "--heads: expected a whole number of at least 1, found '0'.")]
    [DataRow("--family bert --corpus c --out o --minutes 0", "--minutes: expected a number above 0, found '0'.")]
    [DataRow("--family bert --corpus c --out o --steps 0", "--steps: expected a number above 0, found '0'.")]
    public void Arguments_are_checked(string arguments, string? error)
    {
        string[] errors = [.. PretrainEncoder.CommandLine.Create().Parse(arguments).Errors.Select(found => found.Message)];
        if (error is null)
            Assert.IsEmpty(errors);
        else
            StringAssert.Contains(string.Join('\n', errors), error);
    }

    private static void AssertShare(double expected, int found, int draws) =>
        Assert.AreEqual(expected, (double)found / draws, 4 * Math.Sqrt(expected * (1 - expected) / draws));
}
