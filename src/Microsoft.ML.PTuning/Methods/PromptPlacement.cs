namespace Microsoft.ML.PTuning;

/// <summary>Where the trained vectors of a prompt stand, unless a pattern gives them places (<c>{prompt}</c>).</summary>
public enum PromptPlacement
{
    /// <summary>Before all of the text's tokens.</summary>
    BeforeText,

    /// <summary>Behind the first token, [CLS]. GPT-2 has none: there the prompt stands before the text.</summary>
    AfterFirstToken,
}
