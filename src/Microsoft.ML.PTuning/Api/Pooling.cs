namespace Microsoft.ML.PTuning;

/// <summary>How the hidden states of a text become the one vector that a sentence head reads.</summary>
public enum Pooling
{
    /// <summary>
    /// <see cref="Mean"/>, unless the encoder's <c>modules.json</c> (sentence-transformers) names another pooling; then <see cref="Checkpoint"/> where
    /// the checkpoint has a pooler, else <see cref="Trained"/>.
    /// </summary>
    Automatic,

    /// <summary>The checkpoint's own pooler, frozen: a dense layer over the first token. It has no parameters.</summary>
    Checkpoint,

    /// <summary>A dense layer over the first token, trained and saved with the head.</summary>
    Trained,

    /// <summary>The mean over the text's tokens, scaled to one length for every text (Reimers &amp; Gurevych 2019). It has no parameters.</summary>
    Mean,
}
