using System.Text;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A row as a pattern gives it.</summary>
/// <param name="DroppedTokens">How many tokens of its texts did not fit, or fewer.</param>
internal sealed record PatternRow(EncodedRow Row, int DroppedTokens)
{
    /// <summary>The tokens of the row's texts; their offsets point into these.</summary>
    public required IReadOnlyList<TextToken> TextTokens { get; init; }
}

/// <summary>A cloze pattern (Schick &amp; Schütze 2021): words around a row's texts, a mask token, places for trained tokens.</summary>
/// <remarks>
/// As in the code of PET, every text and every stretch of words is tokenised by itself, as it stands within a text, and only the texts are shortened.
/// Immutable.
/// </remarks>
internal sealed class ClozePattern
{
    private readonly string _source;
    private readonly List<Piece> _pieces = [];

    private ClozePattern(string source) => _source = source;

    private enum PieceKind
    {
        Words,
        Text,
        Text2,
        Mask,
        Prompt,
        Separator,
    }

    /// <summary>Whether it has the second text of a pair.</summary>
    public bool HasSecondText => Has(PieceKind.Text2);

    public bool HasMask => Has(PieceKind.Mask);

    /// <summary>How many trained tokens have a place in it.</summary>
    public int PromptPlaces => _pieces.Sum(piece => piece.Places);

    private bool HasSeparator => Has(PieceKind.Separator);

    /// <summary>Reads a pattern: words, and placeholders in braces. Two braces stand for one.</summary>
    /// <exception cref="ArgumentException">It has an unknown placeholder, one twice, no <c>{text}</c>, or a brace alone.</exception>
    public static ClozePattern Parse(string source)
    {
        var pattern = new ClozePattern(source);
        var words = new StringBuilder();
        for (var i = 0; i < source.Length; i++)
        {
            var brace = source[i];
            if (brace is not ('{' or '}'))
            {
                words.Append(brace);
            }
            else if (i + 1 < source.Length && source[i + 1] == brace)
            {
                words.Append(brace);
                i++;
            }
            else
            {
                var end = brace == '{' ? source.IndexOf('}', i) : -1;
                if (end < 0)
                    throw pattern.Fault($"'{brace}' at character {i + 1} stands alone. Write {{{{ or }}}} for a brace that is text");

                pattern.AddWords(words);
                pattern.AddPlaceholder(source[(i + 1)..end]);
                i = end;
            }
        }
        pattern.AddWords(words);
        return pattern.Has(PieceKind.Text) ? pattern : throw pattern.Fault("{text} is missing. It stands for the text of a row");
    }

    /// <summary>Checks that the pattern has the texts of the row and no other.</summary>
    /// <exception cref="ArgumentException">It has not.</exception>
    public void CheckTexts(string? sentence2ColumnName)
    {
        if (HasSecondText && sentence2ColumnName is null)
            throw Fault("{text2} is the second text of a pair, but Sentence2ColumnName is null. Name the column, or leave {text2} out");
        if (!HasSecondText && sentence2ColumnName is not null)
            throw Fault($"{{text2}} is missing, but Sentence2ColumnName is '{sentence2ColumnName}'. Put {{text2}} where the second text shall stand");
    }

    /// <summary>Checks that there is a mask token whose word can be predicted.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public void RequireMask()
    {
        if (!HasMask)
            throw Fault("{mask} is missing. The Verbalizer's words are scored there");
    }

    /// <returns>Why the tokenizer, or rows of so many tokens, do not suit this pattern; null where they do.</returns>
    public string? FindMisfit(TextTokenizer tokenizer, int maxLength)
    {
        if (HasMask && tokenizer.MaskId is null)
            return $"the Pattern '{_source}' has a {{mask}}, but the encoder's vocabulary has no mask token. Use the encoder of a masked language model.";

        var (room, texts) = (RoomForTexts(tokenizer, maxLength), HasSecondText ? 2 : 1);
        return room < texts
            ? $"MaxLength is {maxLength}, but the Pattern '{_source}' takes {maxLength - room} tokens, special tokens included, without "
                + $"{(texts == 1 ? "the text, which needs" : "the two texts, which need")} room too. Use {maxLength - room + texts} or more."
            : null;
    }

    /// <param name="second">The second text of a pair; null where the pattern has none.</param>
    /// <param name="maxLength">Tokens of the row; the longer text is shortened to it (the second if both are equally long).</param>
    public PatternRow Encode(TextTokenizer tokenizer, string first, string? second, int maxLength)
    {
        var room = RoomForTexts(tokenizer, maxLength);
        var text = tokenizer.TokenizeWordStart(first, room + 1); // More tokens do not change the result.
        var text2 = second is null ? null : tokenizer.TokenizeWordStart(second, room + 1);
        var (kept, kept2) = PairTruncation.Keep(text.Count, text2?.Count, room, Truncation.LongestFirst);

        var segments = new List<Token>[] { [], [] };
        var current = 0;
        (int Segment, int Index)? mask = null;
        var texts = new List<((int Segment, int Index) First, IEnumerable<Token> Tokens, int Text)>();
        var prompts = new List<(int Segment, int Index)>();
        foreach (var piece in _pieces)
        {
            var tokens = segments[current];
            switch (piece.Kind)
            {
                case PieceKind.Words:
                    tokens.AddRange(tokenizer.TokenizeWord(piece.Words));
                    break;
                case PieceKind.Text:
                    texts.Add(((current, tokens.Count), text.Take(kept), 0));
                    tokens.AddRange(text.Take(kept));
                    break;
                case PieceKind.Text2:
                    texts.Add(((current, tokens.Count), text2!.Take(kept2), 1));
                    tokens.AddRange(text2!.Take(kept2));
                    break;
                case PieceKind.Mask:
                    mask = (current, tokens.Count);
                    tokens.Add(Special(tokenizer.MaskId!.Value));
                    break;
                case PieceKind.Prompt:
                    prompts.AddRange(Enumerable.Range(tokens.Count, piece.Places).Select(index => (current, index)));
                    tokens.AddRange(Enumerable.Repeat(Special(tokenizer.SeparatorId), piece.Places)); // Trained vectors replace its embedding.
                    break;
                case PieceKind.Separator:
                    current = 1;
                    break;
            }
        }

        var (own, encoded) = GapRow.Of(tokenizer, tokenizer.Surround(segments[0], HasSeparator ? segments[1] : null));
        var row = own with
        {
            MaskPlace = mask is { } place ? PlaceOf(place) : own.MaskPlace,
            PromptPlaces = [.. prompts.Select(PlaceOf)],
        };
        return new(row, text.Count - kept + (text2?.Count - kept2 ?? 0))
        {
            TextTokens =
            [
                .. texts.SelectMany(part => part.Tokens.Select(
                    (token, i) => new TextToken(PlaceOf(part.First) + i, part.Text, token.Start, token.Length))),
            ],
        };

        int PlaceOf((int Segment, int Index) token) => (token.Segment == 0 ? tokenizer.FirstStart : encoded.SecondStart) + token.Index;
    }

    public override string ToString() => _source;

    private static Token Special(int id) => new(id, 0, 0);

    private int RoomForTexts(TextTokenizer tokenizer, int maxLength) =>
        maxLength - GapRow.AddedTokens(tokenizer, HasSeparator, HasMask) - _pieces.Sum(piece => piece.Kind switch
        {
            PieceKind.Words => tokenizer.TokenizeWord(piece.Words).Count,
            PieceKind.Mask => 1,
            _ => piece.Places,
        });

    private void AddWords(StringBuilder words)
    {
        if (words.ToString().Trim() is { Length: > 0 } text)
            _pieces.Add(new(PieceKind.Words) { Words = text });
        words.Clear();
    }

    private void AddPlaceholder(string name)
    {
        var parts = name.Split(':', 2);
        var isPrompt = parts[0] == "prompt";
        Piece piece = parts[0] switch
        {
            "text" => new(PieceKind.Text),
            "text2" => new(PieceKind.Text2),
            "mask" => new(PieceKind.Mask),
            "separator" => new(PieceKind.Separator),
            "prompt" => new(PieceKind.Prompt) { Places = 1 },
            _ => throw Unknown(name),
        };
        if (parts.Length == 2 && !isPrompt)
            throw Unknown(name);
        if (parts.Length == 2)
            piece = piece with { Places = PlacesOf(parts[1]) };
        if (!isPrompt && Has(piece.Kind))
            throw Fault($"it has {{{name}}} twice. Give it once");
        _pieces.Add(piece);
    }

    private int PlacesOf(string number) => int.TryParse(number, out var places) && places is > 0 and <= 10_000
        ? places
        : throw Fault($"{{prompt:{number}}} has no number of trained tokens. Write {{prompt:3}} for three of them");

    private ArgumentException Unknown(string name) => Fault(
        $"{{{name}}} is no placeholder. There are {{text}}, {{text2}}, {{mask}}, {{separator}}, {{prompt}} and {{prompt:3}}; "
        + "write {{ or }} for a brace that is text");

    private ArgumentException Fault(string fault) => new($"Pattern '{_source}': {fault}.", nameof(SentenceTask.Pattern));

    private bool Has(PieceKind kind) => _pieces.Any(piece => piece.Kind == kind);

    private sealed record Piece(PieceKind Kind)
    {
        public string Words { get; init; } = "";

        /// <summary>Places for trained tokens.</summary>
        public int Places { get; init; }
    }
}
