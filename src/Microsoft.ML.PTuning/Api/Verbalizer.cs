namespace Microsoft.ML.PTuning;

/// <summary>The words that stand for each class where a language model fills a gap: its scores for them are the scores of the classes.</summary>
/// <remarks>
/// <para>
/// Schick &amp; Schütze, "Exploiting Cloze Questions for Few Shot Text Classification and Natural Language Inference", EACL 2021. A class with several
/// words has the mean of their scores. A word of several tokens has the mean of their scores.
/// </para>
/// <para>
/// GLM and ChatGLM write what fills a gap. If a word has several tokens there, each word is written token after token and scores the sum of its
/// log-probabilities, and a class that of any of its words (Du et al. 2022). Each word then costs a pass over the text.
/// </para>
/// <para>
/// Classes are named by their values as text in the invariant culture; those of a key without values by their numbers, "0", "1", ...; true and false are
/// "true" and "false".
/// </para>
/// </remarks>
/// <example>
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
/// {
///     Sentence1ColumnName = "Text",
///     Backbone = "mini-cased",
///     Pattern = "{text} It was {mask}.",
///     Verbalizer = new Verbalizer { ["positive"] = ["good", "great"], ["negative"] = ["bad"] },
/// });
/// </code>
/// </example>
public sealed class Verbalizer
{
    private readonly List<string> _classes = [];
    private readonly Dictionary<string, IReadOnlyList<string>> _words = [];

    /// <summary>The classes that have words, in the order in which they were given.</summary>
    public IReadOnlyList<string> Classes => _classes;

    /// <summary>The words of a class.</summary>
    /// <param name="className">The class.</param>
    /// <exception cref="KeyNotFoundException">The class has no words.</exception>
    public IReadOnlyList<string> this[string className]
    {
        get => _words[className];
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (!_words.ContainsKey(className))
                _classes.Add(className);
            _words[className] = [.. value];
        }
    }
}
