namespace PaperTasks.Sweeps;

/// <summary>Options that are set together; null takes an option away that a wider place sets.</summary>
internal sealed class Bundle(IEnumerable<KeyValuePair<string, string?>> options) : Dictionary<string, string?>(options, StringComparer.Ordinal);

/// <summary>The values of a grid's key, one of which each of its points has.</summary>
/// <param name="Key">The key.</param>
/// <param name="Values">In the file's order.</param>
/// <param name="Below">So many of the first values are tried only where the next one is the best.</param>
/// <param name="Above">So many of the last values are tried only where the one before is the best.</param>
internal sealed record Axis(string Key, IReadOnlyList<Bundle> Values, int Below = 0, int Above = 0)
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

    /// <summary>The runs that choose, as far as they are known; none where nothing is chosen.</summary>
    /// <inheritdoc cref="Reported"/>
    public IEnumerable<Point> Choosing(Func<Point, double?> score, Func<Point, bool> hasEnded) =>
        Choice is null ? [] : Groups().SelectMany(group => Search(group, score, hasEnded).Runs);

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
                chosen[group] = best = Search(group, score, hasEnded).Best;
            return best is null ? null : Merge([.. rest, .. best]);
        });
    }

    /// <summary>Every run that there may be, whatever is chosen.</summary>
    public IEnumerable<Point> Possible() => (Choice is null ? [] : Combine(axis => axis.Key != Seed).SelectMany(values => ChoosingRuns(values)))
        .Concat(Combine(_ => true).Select(values => Merge(values)));

    /// <summary>The reported runs, as they would be if the first value were chosen everywhere.</summary>
    public IEnumerable<Point> Supposed() => Combine(axis => Choice?.By.Contains(axis.Key) != true)
        .Select(rest => Merge([.. rest, .. Axes.Where(axis => Choice?.By.Contains(axis.Key) == true).Select(axis => axis.Values[0])]));

    /// <summary>
    /// The mean of the choosing runs of each value that may be chosen: by the values of <see cref="Choice.Per"/>, in the file's order.
    /// A value that has not been tried has no mean.
    /// </summary>
    /// <inheritdoc cref="Reported"/>
    public IEnumerable<(IReadOnlyList<string?> Per, IReadOnlyList<string?> By, double? Mean)> Tried(
        Func<Point, double?> score, Func<Point, bool> hasEnded)
    {
        foreach (string group in Groups())
        {
            List<Point> runs = [.. Search(group, score, hasEnded).Runs];
            HashSet<string> known = [.. runs.Select(run => run.Key)];
            foreach (IReadOnlyList<Bundle> values in Chosen())
            {
                List<Point> tried = [.. Runs(group, values)];
                double? mean = tried.TrueForAll(run => known.Contains(run.Key) && score(run) is not null) ? tried.Average(run => score(run)) : null;
                yield return (
                    [.. Choice!.Per.Select(option => tried[0][option])],
                    [.. values.SelectMany(bundle => bundle.Keys).Select(option => tried[0][option])],
                    mean);
            }
        }
    }

    // The values that are tried, and the best of them: null as long as a run is open, and where every value has a failed run.
    private (IEnumerable<Point> Runs, IReadOnlyList<Bundle>? Best) Search(string group, Func<Point, double?> score, Func<Point, bool> hasEnded)
    {
        List<IReadOnlyList<Bundle>> values = [.. Chosen()];
        List<Point>[] runs = [.. values.Select(value => Runs(group, value).ToList())];
        Axis axis = Axes.First(axis => Choice!.By.Contains(axis.Key));
        (int first, int end) = (axis.Below, values.Count - axis.Above);
        while (true)
        {
            IEnumerable<Point> tried = runs[first..end].SelectMany(run => run);
            int best = runs[first..end].All(value => value.TrueForAll(run => hasEnded(run))) ? Best(first, end) : -1;
            if (best >= 0 && best == first && first > 0)
                first--;
            else if (best >= 0 && best == end - 1 && end < values.Count)
                end++;
            else
                return (tried, best < 0 ? null : values[best]);
        }

        // The first of equally good values, in the file's order; a value with a failed run is out.
        int Best(int from, int to)
        {
            (int best, double bestMean) = (-1, double.NegativeInfinity);
            for (int i = from; i < to; i++)
            {
                double mean = runs[i].Average(run => score(run) ?? double.NaN);
                if (mean > bestMean)
                    (best, bestMean) = (i, mean);
            }
            return best;
        }
    }

    private IEnumerable<IReadOnlyList<Bundle>> Chosen() => Combine(axis => Choice!.By.Contains(axis.Key));

    private IEnumerable<IReadOnlyList<Bundle>> Rests() => Combine(axis => !Choice!.By.Contains(axis.Key) && axis.Key != Seed);

    private IEnumerable<string> Groups() => Rests().Select(rest => Group(rest)).Distinct();

    private IEnumerable<Point> Runs(string group, IReadOnlyList<Bundle> values) =>
        Rests().Where(rest => Group(rest) == group).SelectMany(rest => ChoosingRuns([.. rest, .. values]));

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
