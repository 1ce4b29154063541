namespace Microsoft.ML.PTuning;

/// <summary>Where the trained tokens of a prompt stand. A pattern with places of its own (<c>{prompt}</c>) goes before it.</summary>
public enum PromptPlacement
{
    /// <summary>Before all of the text's tokens.</summary>
    BeforeText,

    /// <summary>Behind the first token, which is [CLS]. Decoders have none, and put the prompt before the text.</summary>
    AfterFirstToken,
}
