namespace PaperTasks.Sweeps;

/// <summary>Options that are set together; null takes an option away that a wider place sets.</summary>
internal sealed class Bundle(IEnumerable<KeyValuePair<string, string?>> options) : Dictionary<string, string?>(options, StringComparer.Ordinal);

/// <summary>The values of a grid's key, one of which each of its points has.</summary>
internal sealed record Axis(string Key, IReadOnlyList<Bundle> Values)
{
    /// <summary>The options that its values set.</summary>
    public IEnumerable<string> Options => Values.SelectMany(value => value.Keys).Distinct(StringComparer.Ordinal);
}

/// <summary>How a grid finds the best value of some of its keys, on rows that no reported run is judged by.</summary>
/// <param name="By">The keys.</param>
/// <param name="Per">The options for each of whose combinations there is a choice of its own.</param>
/// <param name="Options">What the choosing runs have on top of the grid's options: the share of held-out rows at least.</param>
/// <param name="Seeds">A choosing run for each; the best mean wins.</param>
internal sealed record Choice(IReadOnlyList<string> By, IReadOnlyList<string> Per, Bundle Options, IReadOnlyList<string> Seeds);

/// <summary>Every combination of some options' values.</summary>
/// <param name="Common">What all points have, unless the grid says otherwise.</param>
/// <param name="Axes">In the file's order; the last one varies fastest.</param>
/// <param name="Choice">Null where all values are reported.</param>
internal sealed record Grid(Bundle Common, IReadOnlyList<Axis> Axes, Choice? Choice)
{
    public const string Seed = "seed";

    /// <summary>The runs that choose; none where nothing is chosen.</summary>
    public IEnumerable<Point> Choosing() =>
        Choice is null ? [] : Combine(axis => axis.Key != Seed).SelectMany(combination => ChoosingRuns(combination));

    /// <summary>The reported runs. A run whose choice is still open is null.</summary>
    /// <param name="score">The first metric of a finished run; null for a run that has not ended yet or has failed.</param>
    /// <param name="hasEnded">Whether a run is finished or has failed.</param>
    public IEnumerable<Point?> Reported(Func<Point, double?> score, Func<Point, bool> hasEnded)
    {
        if (Choice is null)
            return Combine(_ => true).Select(values => Merge(values));

        var chosen = new Dictionary<string, IReadOnlyList<Bundle>?>(StringComparer.Ordinal);
        return Combine(axis => !Choice.By.Contains(axis.Key)).Select(rest =>
        {
            string group = Group(rest);
            if (!chosen.TryGetValue(group, out IReadOnlyList<Bundle>? best))
                chosen[group] = best = Best(group, score, hasEnded);
            return best is null ? null : Merge([.. rest, .. best]);
        });
    }

    /// <summary>Every run that there may be, whatever is chosen.</summary>
    public IEnumerable<Point> Possible() => Choosing().Concat(Combine(_ => true).Select(values => Merge(values)));

    /// <summary>The reported runs, as they would be if the first value were chosen everywhere.</summary>
    public IEnumerable<Point> Supposed() => Combine(axis => Choice?.By.Contains(axis.Key) != true)
        .Select(rest => Merge([.. rest, .. Axes.Where(axis => Choice?.By.Contains(axis.Key) == true).Select(axis => axis.Values[0])]));

    /// <summary>Values that may be chosen, with the mean of their choosing runs: by the values of <see cref="Choice.Per"/>, in the file's order.</summary>
    public IEnumerable<(IReadOnlyList<string?> Per, IReadOnlyList<string?> By, double? Mean)> Tried(Func<Point, double?> score)
    {
        List<string> chosen = [.. Axes.Where(axis => Choice!.By.Contains(axis.Key)).SelectMany(axis => axis.Options)];
        return Choosing().GroupBy(run => string.Join('\n', Choice!.Per.Concat(chosen).Select(option => run[option])))
            .Select(runs => (
                (IReadOnlyList<string?>)[.. Choice!.Per.Select(option => runs.First()[option])],
                (IReadOnlyList<string?>)[.. chosen.Select(option => runs.First()[option])],
                runs.All(run => score(run) is not null) ? runs.Average(run => score(run)) : null));
    }

    // The first of equally good values, in the file's order.
    private IReadOnlyList<Bundle>? Best(string group, Func<Point, double?> score, Func<Point, bool> hasEnded)
    {
        List<IReadOnlyList<Bundle>> rests = [.. Combine(axis => !Choice!.By.Contains(axis.Key) && axis.Key != Seed).Where(rest => Group(rest) == group)];
        IReadOnlyList<Bundle>? best = null;
        double bestMean = double.NegativeInfinity;
        foreach (IReadOnlyList<Bundle> values in Combine(axis => Choice!.By.Contains(axis.Key)))
        {
            List<Point> runs = [.. rests.SelectMany(rest => ChoosingRuns([.. rest, .. values]))];
            if (!runs.All(hasEnded))
                return null;

            double mean = runs.Average(run => score(run) ?? double.NaN); // A value with a failed run is out.
            if (mean > bestMean)
                (best, bestMean) = (values, mean);
        }
        return best;
    }

    private IEnumerable<Point> ChoosingRuns(IReadOnlyList<Bundle> combination) =>
        Choice!.Seeds.Select(seed => Merge([.. combination, Choice.Options, new Bundle([KeyValuePair.Create(Seed, (string?)seed)])]));

    private string Group(IReadOnlyList<Bundle> rest)
    {
        Point point = Merge(rest);
        return string.Join('\n', Choice!.Per.Select(option => point[option]));
    }

    private Point Merge(IReadOnlyList<Bundle> values)
    {
        var merged = new Dictionary<string, string?>(Common, StringComparer.Ordinal);
        foreach ((string name, string? value) in values.SelectMany(bundle => bundle))
            merged[name] = value;
        return new Point(from option in merged where option.Value is not null select KeyValuePair.Create(option.Key, option.Value));
    }

    private IEnumerable<IReadOnlyList<Bundle>> Combine(Func<Axis, bool> isPart) => Axes.Where(isPart).Aggregate(
        (IEnumerable<IReadOnlyList<Bundle>>)[[]],
        (combinations, axis) => combinations.SelectMany(left => axis.Values.Select(value => (IReadOnlyList<Bundle>)[.. left, value])));
}
