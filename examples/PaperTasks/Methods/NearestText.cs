using Microsoft.ML;
using PaperTasks.DataSets;

namespace PaperTasks.Methods;

/// <summary>Writes the text of the training row whose facts are most alike: those that have most names and values in common, by Jaccard's index.</summary>
internal sealed record NearestText() : Method("nearest", "the text of the training row with the most facts in common; for written texts")
{
    public override bool Suits(PaperTask task) => task.Writes;

    public override Learned Learn(TrainingRun run, IDataView train, IDataView dev)
    {
        if (run.Data is not WritingData data)
            throw Refuse(run.Data);

        // Names count as well as values: a text that says a death is nearer to another one.
        (HashSet<string> Facts, string Text)[] known = [.. data.Train.Select(row => (FactsOf(row.Text), row.References[0]))];
        IEstimator<ITransformer> writer = run.Context.Transforms.CustomMapping<FactsColumn, TextColumn>(
            (row, written) =>
            {
                HashSet<string> facts = FactsOf(row.Text);
                written.GeneratedText = known.MaxBy(other => Alike(facts, other.Facts)).Text;
            },
            contractName: null);
        return new Learned(writer.Fit(train).Transform);
    }

    private static double Alike(HashSet<string> one, HashSet<string> other)
    {
        int common = one.Count(other.Contains);
        return (double)common / (one.Count + other.Count - common);
    }

    private static HashSet<string> FactsOf(string text) =>
        [.. text.Split(" | ").SelectMany(fact => (IEnumerable<string>)[fact, fact[..fact.IndexOf(" : ", StringComparison.Ordinal)]])];

    private sealed class FactsColumn
    {
        public string Text { get; set; } = "";
    }

    private sealed class TextColumn
    {
        public string GeneratedText { get; set; } = "";
    }
}
