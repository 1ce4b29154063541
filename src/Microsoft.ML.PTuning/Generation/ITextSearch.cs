namespace Microsoft.ML.PTuning.Generation;

/// <summary>How texts are searched among all that a language model could write.</summary>
internal interface ITextSearch
{
    /// <param name="stream">The rows to continue.</param>
    /// <param name="seeds">A number per row, which its random draws begin with.</param>
    /// <param name="checkCancelled">Throws if the work has been cancelled; called before every token.</param>
    /// <returns>The candidates of each row, best first.</returns>
    WrittenText[][] Write(TokenStream stream, IReadOnlyList<int> seeds, Action checkCancelled);

    /// <summary>The search that the settings ask for.</summary>
    static ITextSearch For(GenerationSettings settings, TextEnd end) =>
        settings.Beams > 1 ? new BeamSearch(settings, end) : new SingleSearch(settings, end);
}
