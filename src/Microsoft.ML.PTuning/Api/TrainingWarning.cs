namespace Microsoft.ML.PTuning;

/// <summary>What a warning about a training is about.</summary>
public enum TrainingWarningCode
{
    /// <summary>The model was saved by another version of the library, which gave no code or one that this version does not know.</summary>
    Other,

    /// <summary>The model gives the same prediction for every row.</summary>
    Collapsed,

    /// <summary>After few steps the model is not much better than guessing.</summary>
    HardlyLearned,

    /// <summary>In multi-task learning, no step learned this task.</summary>
    NotDrawn,

    /// <summary>Half of the training texts or more are empty: the wrong column, or a file that was read with the wrong separator.</summary>
    EmptyTexts,

    /// <summary>There are about as many classes as training rows: the label may be an id or a text.</summary>
    ClassPerRow,
}

/// <summary>Something that looks wrong with a training, and what to do about it.</summary>
public sealed class TrainingWarning
{
    internal TrainingWarning(TrainingWarningCode code, string text) => (Code, Text) = (code, text);

    /// <summary>What it is about, for programs.</summary>
    public TrainingWarningCode Code { get; }

    /// <summary>What was found and what to do, for people.</summary>
    public string Text { get; }

    /// <summary>Returns the <see cref="Text"/>.</summary>
    /// <example>
    /// <code>
    /// foreach (var warning in model.Summary?.Warnings ?? [])
    ///     Console.WriteLine($"{warning.Code}: {warning.ToString()}");
    /// </code>
    /// </example>
    public override string ToString() => Text;
}
