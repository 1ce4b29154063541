using System.Text.Json;
using System.Text.Json.Nodes;

namespace PaperTasks.Sweeps;

/// <summary>What a sweep's file asks for; docs/sweeps.md has the format.</summary>
/// <param name="Name">Of the results' files.</param>
internal sealed record SweepFile(string Name, IReadOnlyList<Grid> Grids, IReadOnlyList<TableRequest> Tables, IReadOnlyList<FigureRequest> Figures)
{
    private static readonly JsonDocumentOptions Lenient = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        AllowDuplicateProperties = false,
    };

    /// <summary>What the sweep itself sets for its runs.</summary>
    private static readonly string[] Reserved = ["checkpoints", "gpu", "json", "save", "help", "version"];

    /// <exception cref="FormatException">The file is no JSON, or asks for something that makes no sense. The message names the place.</exception>
    public static SweepFile Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), Path.GetFileNameWithoutExtension(path));
        }
        catch (Exception problem) when (problem is FormatException or JsonException)
        {
            throw new FormatException($"{path}: {problem.Message}", problem);
        }
    }

    /// <param name="text">JSON; comments and trailing commas are allowed.</param>
    /// <param name="defaultName">The name where the file says none.</param>
    public static SweepFile Parse(string text, string defaultName)
    {
        var root = new JsonPlace("", JsonNode.Parse(text, documentOptions: Lenient)).AsObject();
        root.Allow("name", "common", "grids", "tables", "figures");
        string name = root["name"].AsTextOr(defaultName);
        if (name.Length == 0 || name.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0)
            throw new FormatException($"name: expected the beginning of a file name, found '{name}'.");

        Bundle common = root["common"].Exists ? ReadBundle(root["common"]) : new Bundle([]);
        IReadOnlyList<Grid> grids = [.. root["grids"].AsList().Select(grid => ReadGrid(common, grid))];
        if (grids.Count == 0)
            throw new FormatException("grids: expected one grid at least, found none.");
        return new SweepFile(
            name, grids, [.. root["tables"].AsListOrNone().Select(TableRequest.Read)], [.. root["figures"].AsListOrNone().Select(FigureRequest.Read)]);
    }

    private static Grid ReadGrid(Bundle common, JsonPlace grid)
    {
        grid = grid.AsObject();
        List<Axis> axes = [.. grid.Keys.Where(key => key != "choose").Select(key => ReadAxis(key, grid[key]))];
        foreach (IGrouping<string, Axis> option in
            axes.SelectMany(axis => axis.Options.Select(name => (name, axis))).GroupBy(pair => pair.name, pair => pair.axis))
        {
            if (option.Count() > 1)
                throw new FormatException(
                    $"{grid.Path}: expected one key for --{option.Key}, but {string.Join(" and ", option.Select(axis => $"'{axis.Key}'"))} set it.");
        }

        if (!grid["choose"].Exists)
            return new Grid(common, axes, null);
        Choice choice = ReadChoice(common, axes, grid["choose"]);
        return new Grid(common, Extend(axes, choice, grid["choose"].AsObject()["beyond"]), choice);
    }

    private static Axis ReadAxis(string key, JsonPlace place)
    {
        IReadOnlyList<JsonPlace> values = place.Value is JsonArray ? place.AsList() : [place];
        if (values.Count == 0)
            throw new FormatException($"{place.Path}: expected a value at least, found an empty list.");
        return new Axis(key, [.. values.Select(value => value.Value is JsonObject ? ReadBundle(value) : ReadBundle(key, value))]);
    }

    private static Choice ReadChoice(Bundle common, IReadOnlyList<Axis> axes, JsonPlace place)
    {
        place = place.AsObject();
        IReadOnlyList<string> by = place["by"].AsTexts();
        foreach (string key in by)
        {
            if (key == Grid.Seed || axes.All(axis => axis.Key != key))
                throw new FormatException($"{place.Path}.by: expected keys of this grid other than 'seed', found '{key}'.");
        }

        List<Axis> others = [.. axes.Where(axis => !by.Contains(axis.Key) && axis.Key != Grid.Seed)];
        IReadOnlyList<string> per = place["per"].Exists
            ? place["per"].AsTexts()
            : [.. others.Where(axis => axis.Values.Count > 1).SelectMany(axis => axis.Options).Distinct(StringComparer.Ordinal)];
        foreach (string option in per)
        {
            if (!common.ContainsKey(option) && !others.Any(axis => axis.Options.Contains(option)))
                throw new FormatException($"{place.Path}.per: expected options of this grid that are not chosen, found '{option}'.");
        }

        var options = new Bundle(place.Keys.Where(key => key is not ("by" or "per" or "beyond" or Grid.Seed)).SelectMany(key => ReadBundle(key, place[key])));
        if (options.GetValueOrDefault("holdout") is null)
            throw new FormatException(
                $"{place.Path}: expected \"holdout\", the share of the training rows that judges the values. The reported rows must not choose.");

        JsonPlace seeds = place[Grid.Seed];
        return new Choice(by, per, options, seeds.Exists ? [.. ReadAxis(Grid.Seed, seeds).Values.Select(value => value[Grid.Seed]!)] : ["1"]);
    }

    // Values below and above those of the chosen key, each tried where its neighbour is the best.
    private static IReadOnlyList<Axis> Extend(IReadOnlyList<Axis> axes, Choice choice, JsonPlace beyond)
    {
        if (!beyond.Exists)
            return axes;

        Axis axis = axes.First(axis => axis.Key == choice.By[0]);
        Axis others = ReadAxis(axis.Key, beyond);
        List<(double? Number, Bundle Value)> within = Numbers(axis), further = Numbers(others);
        if (choice.By.Count > 1 || within.Concat(further).Any(value => value.Number is null) || !IsAscending(within) || !IsAscending(further)
            || further.Exists(value => value.Number >= within[0].Number && value.Number <= within[^1].Number))
        {
            throw new FormatException(
                $"{beyond.Path}: expected numbers in ascending order below and above those of one key in \"by\", which are ascending, too; " +
                $"found {beyond.Value?.ToJsonString() ?? "null"} for {string.Join(" and ", choice.By)}.");
        }

        int below = further.Count(value => value.Number < within[0].Number);
        var extended = new Axis(
            axis.Key, [.. others.Values.Take(below), .. axis.Values, .. others.Values.Skip(below)], below, further.Count - below);
        return [.. axes.Select(other => other == axis ? extended : other)];

        List<(double?, Bundle)> Numbers(Axis axis) =>
            [.. axis.Values.Select(value => (value.Count == 1 ? Point.AsNumber(value.GetValueOrDefault(axis.Key)) : null, value))];

        bool IsAscending(List<(double? Number, Bundle)> values) => values.Zip(values.Skip(1)).All(pair => pair.First.Number < pair.Second.Number);
    }

    private static Bundle ReadBundle(JsonPlace place)
    {
        place = place.AsObject();
        return new Bundle(place.Keys.SelectMany(key => ReadBundle(key, place[key])));
    }

    private static Bundle ReadBundle(string option, JsonPlace place)
    {
        if (Reserved.Contains(option))
            throw new FormatException($"{place.Path}: the sweep cannot set --{option} for its runs. Remove it.");
        if (place.Value is not null && Point.Canonical(place.Value) is null)
            throw new FormatException($"{place.Path}: expected a text, a number, true, false or null, found {place.Value.ToJsonString()}.");
        return new Bundle([KeyValuePair.Create(option, Point.Canonical(place.Value))]);
    }
}
