using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>The words of a verbalizer that stand for a class.</summary>
/// <param name="Class">The class's name.</param>
/// <param name="Words">The words, one or more.</param>
internal sealed record ClassWords(string Class, string[] Words)
{
    /// <summary>The token ids of each word; null until the tokenizer is known.</summary>
    public int[][]? Tokens { get; init; }

    /// <summary>The classes' words as an option gives them.</summary>
    /// <exception cref="ArgumentException">A class has no words, or a word is empty.</exception>
    public static ClassWords[]? Of(Verbalizer? verbalizer)
    {
        if (verbalizer is null)
            return null;

        foreach (var name in verbalizer.Classes)
            if (verbalizer[name].Count == 0 || verbalizer[name].Any(string.IsNullOrWhiteSpace))
                throw new ArgumentException(
                    $"The Verbalizer's class '{name}' has {(verbalizer[name].Count == 0 ? "no words" : "an empty word")}. Give it one word or more.",
                    nameof(Verbalizer));
        return [.. verbalizer.Classes.Select(name => new ClassWords(name, [.. verbalizer[name]]))];
    }

    /// <summary>The words with their tokens, in the order of the classes.</summary>
    /// <param name="classes">The names of all classes.</param>
    /// <exception cref="InvalidOperationException">
    /// A class has no words, words are of no class, the vocabulary cannot spell a word, or two classes have the same words.
    /// </exception>
    public static ClassWords[] Resolve(IReadOnlyList<ClassWords> verbalizer, IReadOnlyList<string> classes, TextTokenizer tokenizer)
    {
        if (verbalizer.FirstOrDefault(words => !classes.Contains(words.Class)) is { } unknown)
            throw new InvalidOperationException(
                $"The Verbalizer has words for '{unknown.Class}', which is no class. The classes are: {List(classes)}.");
        if (classes.FirstOrDefault(name => verbalizer.All(words => words.Class != name)) is { } missing)
            throw new InvalidOperationException(
                $"The Verbalizer has no words for the class '{missing}'. It has words for: {List(verbalizer.Select(words => words.Class))}. "
                + "Give every class some.");

        ClassWords[] resolved = [.. classes.Select(name => verbalizer.Single(words => words.Class == name).With(tokenizer))];
        foreach (var same in resolved.GroupBy(words => string.Join(' ', words.Tokens!.Select(tokens => string.Join('+', tokens)).Order())))
            if (same.Skip(1).FirstOrDefault() is { } other)
                throw new InvalidOperationException(
                    $"The Verbalizer's words for the classes '{same.First().Class}' and '{other.Class}' are the same tokens. "
                    + "Nothing tells the classes apart; change a word.");
        return resolved;
    }

    private ClassWords With(TextTokenizer tokenizer) => this with
    {
        Tokens = [.. Words.Select(word =>
        {
            int[] ids = [.. tokenizer.TokenizeWord(word).Select(token => token.Id)];
            return ids.Length > 0 && !(tokenizer.UnknownId is { } unknown && ids.Contains(unknown))
                ? ids
                : throw new InvalidOperationException(
                    $"The Verbalizer's word '{word}' for the class '{Class}' cannot be spelled in the encoder's vocabulary. Choose another word.");
        })],
    };

    private static string List(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));
}
