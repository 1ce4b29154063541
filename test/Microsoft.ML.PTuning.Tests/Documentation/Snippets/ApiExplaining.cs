using Microsoft.ML;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets;

/// <summary>XML docs and docs/explaining.md: what the prefix does, and what a prediction rests on.</summary>
internal static class ApiExplaining
{
    public static void Prefix(PTuningV2Transformer model, IDataView newTickets)
    {
        PrefixReport report = model.ExplainPrefix(newTickets);
        Console.WriteLine(report.ToString());
        double first = report.MassAt(layer: 0, head: 0, position: 0);
        Console.WriteLine(first);
    }
}
