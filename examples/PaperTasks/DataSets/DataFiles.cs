namespace PaperTasks.DataSets;

/// <summary>The training and the development file of a run.</summary>
internal sealed record DataFiles(string Train, string Dev)
{
    /// <summary>Finds a task's files in a folder: by their published names, else <c>train.*</c> beside <c>dev.*</c> or <c>val.*</c>.</summary>
    /// <param name="needsDev">Whether the development file is read; else the training file stands in its place.</param>
    /// <param name="option">The option that named the folder.</param>
    /// <exception cref="FileNotFoundException">The folder holds no such pair, or more than one file of a kind.</exception>
    public static DataFiles Find(PaperTask task, string folder, bool needsDev = true, string option = "--data")
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"The folder '{folder}' given by {option} does not exist.");

        foreach (DataFiles names in task.PublishedFiles)
        {
            if (Directory.GetFiles(folder, names.Train) is not [string published])
                continue;
            if (!needsDev)
                return new DataFiles(published, published);
            if (Directory.GetFiles(folder, names.Dev) is [string dev])
                return new DataFiles(published, dev);
        }

        string train = Only(task, folder, "train");
        return new DataFiles(train, needsDev ? Only(task, folder, "dev", "val") : train);
    }

    private static string Only(PaperTask task, string folder, params string[] names)
    {
        string[] readable = [.. names.SelectMany(name => task.Extensions.Select(extension => Path.Combine(folder, name + extension)))];
        string[] found = [.. readable.Where(File.Exists)];
        if (found.Length == 1)
            return found[0];

        string expected = string.Join(" or ", readable.Select(Path.GetFileName));
        string published = string.Concat(task.PublishedFiles.Select(names => $"{names.Train} beside {names.Dev}, or "));
        string findings = found.Length > 1
            ? $"found {string.Join(" and ", found.Select(Path.GetFileName))}"
            : $"which holds {string.Join(", ", Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order().DefaultIfEmpty("nothing"))}";
        throw new FileNotFoundException(
            $"{task.Name}: expected {published}one of {expected} in '{folder}', {findings}. Name the files with --train and --dev.");
    }
}
