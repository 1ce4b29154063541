using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Encoders;

/// <summary>Encoder and tokenizer of one folder.</summary>
[TestClass]
public sealed class BackboneLibraryTests
{
    /// <summary><c>vocab_size</c> of a <see cref="TinyCheckpoint"/>.</summary>
    private const int EncoderVocabulary = 30;

    private readonly TinyCheckpoint _checkpoint = new TinyCheckpoint().Save();

    [TestCleanup]
    public void Delete() => _checkpoint.Dispose();

    [TestMethod]
    [DataRow(6)]
    [DataRow(EncoderVocabulary)]
    public void Open_takes_a_vocabulary_up_to_the_encoders(int tokens)
    {
        WriteVocabulary(tokens);

        using var lease = BackboneLibrary.Open(_checkpoint.Path, CPU).Lease;

        Assert.AreEqual(tokens, lease.Tokenizer.VocabularySize);
    }

    [TestMethod]
    public void Open_refuses_a_vocabulary_beyond_the_encoders_and_names_folder_and_both_sizes()
    {
        WriteVocabulary(EncoderVocabulary + 1);

        var message = Refusal();

        StringAssert.Contains(message, _checkpoint.Path);
        StringAssert.Contains(message, "ids go up to 30");
        StringAssert.Contains(message, "vocab_size 30");
    }

    [TestMethod]
    public void Open_refuses_a_special_token_beyond_the_encoders_vocabulary()
    {
        WriteVocabulary(EncoderVocabulary);
        Write("tokenizer_config.json", """
            { "sep_token": "[END]", "added_tokens_decoder": { "40": { "content": "[END]", "special": true } } }
            """);

        StringAssert.Contains(Refusal(), "ids go up to 40");
    }

    [TestMethod]
    public void Open_refuses_another_padding_token_than_the_encoders_where_positions_count_from_it()
    {
        using var roberta = new TinyCheckpoint("roberta").Save();
        File.WriteAllText(Path.Combine(roberta.Path, "vocab.txt"), string.Join('\n', TokenizerFolder.BertTokens));

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => BackboneLibrary.Open(roberta.Path, CPU)).Message;

        Assert.Contains("padding token has id 0, but config.json says pad_token_id 1", refusal);
    }

    [TestMethod]
    public void Open_takes_another_padding_token_where_it_is_without_effect()
    {
        WriteVocabulary(EncoderVocabulary);
        _checkpoint.Configuration["pad_token_id"] = 3;
        _checkpoint.SaveConfiguration();

        using var lease = BackboneLibrary.Open(_checkpoint.Path, CPU).Lease;

        Assert.AreEqual(0, lease.Tokenizer.PadId);
    }

    [TestMethod]
    public void Open_takes_the_tokenizers_padding_token_where_the_configuration_names_none()
    {
        Write("vocab.txt", string.Join('\n', TokenizerFolder.BertTokens.Reverse()));
        _checkpoint.Configuration.Remove("pad_token_id");
        _checkpoint.SaveConfiguration();

        using var lease = BackboneLibrary.Open(_checkpoint.Path, CPU).Lease;

        Assert.AreEqual(4, lease.Tokenizer.PadId);
    }

    private void WriteVocabulary(int tokens) => Write("vocab.txt", string.Join('\n',
        TokenizerFolder.BertTokens.Concat(Enumerable.Range(0, tokens - TokenizerFolder.BertTokens.Length).Select(i => $"word{i}"))));

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_checkpoint.Path, name), content);

    private string Refusal() => Assert.ThrowsExactly<InvalidDataException>(() => BackboneLibrary.Open(_checkpoint.Path, CPU)).Message;
}
