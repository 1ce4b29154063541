using System.Globalization;
using System.Text;

namespace Microsoft.ML.PTuning;

/// <summary>How much attention a model's text pays to its prefix: <see cref="PTuningV2Transformer.ExplainPrefix"/>.</summary>
/// <remarks>
/// <para>
/// The mass of a head is the share of a token's attention that goes to the prefix, λ(x) of He et al. (2022, "Towards a Unified View of
/// Parameter-Efficient Transfer Learning"): the sum of exp(score) over the prefix positions, divided by that over prefix and text. It is averaged over
/// the tokens of the data, special tokens included, padding excluded. The head's output is (1 - λ) times what the text alone would give, plus λ times
/// a mean of the prefix's values. A mass of 0 means no influence; the reverse does not follow, because values may be small.
/// </para>
/// <para>Layers, heads and positions are numbered from 0. Layers without a prefix have a mass of 0.</para>
/// </remarks>
public sealed class PrefixReport
{
    private readonly double[,,] _masses; // [L, h, P]

    /// <param name="masses">The mass of each layer, head and prefix position, <c>[L, h, P]</c>.</param>
    internal PrefixReport(double[,,] masses, IReadOnlyList<int> prefixLayers, int rows, long tokens)
    {
        _masses = masses;
        (PrefixLayers, Rows, Tokens) = (prefixLayers, rows, tokens);
        HeadMasses = [.. Range(0).Select(layer => Range(1).Select(head => Range(2).Sum(position => masses[layer, head, position])).ToArray())];
        LayerMasses = [.. HeadMasses.Select(heads => heads.Average())];
        PositionMasses = [.. Range(2).Select(position => prefixLayers.Average(layer => MassOf(layer, position)))];
    }

    /// <summary>Layers of the encoder.</summary>
    public int Layers => _masses.GetLength(0);

    /// <summary>Attention heads of a layer.</summary>
    public int Heads => _masses.GetLength(1);

    /// <summary>Prefix positions of a layer.</summary>
    public int PrefixLength => _masses.GetLength(2);

    /// <summary>The layers that have a prefix, ascending.</summary>
    public IReadOnlyList<int> PrefixLayers { get; }

    /// <summary>Rows of the data.</summary>
    public int Rows { get; }

    /// <summary>Tokens that the masses are averaged over. Of a text that is read in windows, those in which they overlap count in each.</summary>
    public long Tokens { get; }

    /// <summary>The mass of each head: by layer, then by head; 0 to 1.</summary>
    public IReadOnlyList<IReadOnlyList<double>> HeadMasses { get; }

    /// <summary>The mean mass of each layer's heads.</summary>
    public IReadOnlyList<double> LayerMasses { get; }

    /// <summary>The mass of each prefix position, averaged over the heads of the layers that have a prefix. Their sum is <see cref="Mass"/>.</summary>
    public IReadOnlyList<double> PositionMasses { get; }

    /// <summary>The mean mass of the heads of the layers that have a prefix.</summary>
    public double Mass => PrefixLayers.Average(layer => LayerMasses[layer]);

    /// <summary>The mass of one prefix position in one head.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer, head or position.</exception>
    /// <example>
    /// <code>
    /// double first = report.MassAt(layer: 0, head: 0, position: 0);
    /// </code>
    /// </example>
    public double MassAt(int layer, int head, int position)
    {
        RequireBelow(Layers, layer, nameof(layer));
        RequireBelow(Heads, head, nameof(head));
        RequireBelow(PrefixLength, position, nameof(position));
        return _masses[layer, head, position];
    }

    /// <summary>The mass of one prefix position in a layer, averaged over its heads.</summary>
    internal double MassOf(int layer, int position) => Range(1).Average(head => _masses[layer, head, position]);

    /// <summary>Writes a line about the data and a line per layer, with the masses of its heads.</summary>
    /// <example>
    /// <code>
    /// PrefixReport report = model.ExplainPrefix(newTickets);
    /// Console.WriteLine(report.ToString());
    /// </code>
    /// </example>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Attention on the prefix: {Mass:P1} over {Rows} rows, {Tokens} tokens");
        for (var layer = 0; layer < Layers; layer++)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nLayer {layer}: {LayerMasses[layer]:P1}; heads ");
            text.AppendJoin(' ', HeadMasses[layer].Select(mass => mass.ToString("F3", CultureInfo.InvariantCulture)));
        }
        return text.ToString();
    }

    private IEnumerable<int> Range(int dimension) => Enumerable.Range(0, _masses.GetLength(dimension));

    private static void RequireBelow(int count, int number, string name)
    {
        if (number < 0 || number >= count)
            throw new ArgumentOutOfRangeException(name, $"There are {count}, numbered from 0; found {name} {number}.");
    }
}
