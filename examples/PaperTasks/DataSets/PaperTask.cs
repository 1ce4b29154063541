using Microsoft.ML.PTuning;

namespace PaperTasks.DataSets;

/// <summary>A task by its name on the command line, and the files that publish it.</summary>
/// <param name="PublishedFiles">Pairs of training and development file, <c>*</c> for any text; the first pair that a folder holds is taken.</param>
internal abstract record PaperTask(string Name, IReadOnlyList<DataFiles> PublishedFiles)
{
    /// <summary>The tasks of the command line.</summary>
    public static IReadOnlyList<PaperTask> All => [.. SentenceTask.All, .. TaggingTask.All, .. AnswerTask.All, .. ChoiceTask.All, .. WritingTask.All];

    /// <summary>Whether the official code words its rows in two ways, between which <see cref="Reading.Template"/> chooses.</summary>
    public bool HasTemplates { get; init; }

    /// <summary>Whether <see cref="Reading.TokenColumn"/> can name a column of its files.</summary>
    public bool HasTokenColumn { get; init; }

    /// <summary>The same of <see cref="Reading.LabelColumn"/>.</summary>
    public bool HasLabelColumn { get; init; }

    /// <summary>Whether its files may begin with a header, which <see cref="Reading.HasHeader"/> tells of.</summary>
    public bool MayHaveHeader { get; init; }

    /// <summary>Whether one file holds the training and the development rows.</summary>
    public bool HasOneFile { get; init; }

    /// <summary>The options of its trainer, as the library has them.</summary>
    public virtual PTuningV2Trainer.Options Defaults => new PTuningV2Trainer.MulticlassOptions();

    /// <summary>Whether its trainer makes one vector of a text, in a way that can be chosen.</summary>
    public virtual bool HasPooling => true;

    /// <summary>Whether words can be put around its texts, and stand for its classes.</summary>
    public virtual bool HasPatterns => false;

    /// <summary>Whether its model writes texts.</summary>
    public virtual bool Writes => false;

    /// <summary>The extensions of the files that the task is read from.</summary>
    public abstract IReadOnlyList<string> Extensions { get; }

    public static PaperTask Named(string name) => All.Single(task => task.Name == name);

    /// <summary>Reads both files; where rows are to be held out, the training file alone, whose rows then stand for the development rows too.</summary>
    public abstract TaskData Read(DataFiles files, Reading reading);

    /// <summary>Reads the training file alone. Its rows stand for the development rows too.</summary>
    public abstract TaskData ReadTraining(string file, Reading reading);
}

/// <summary>A task whose files hold rows of a type.</summary>
internal abstract record PaperTask<TRow>(string Name, IReadOnlyList<DataFiles> PublishedFiles, IReadOnlyList<FileFormat<TRow>> Formats)
    : PaperTask(Name, PublishedFiles)
    where TRow : IDataRow
{
    public sealed override IReadOnlyList<string> Extensions =>
        [.. Formats.Select(format => format.Extension).Where(extension => extension.Length > 0)];

    public sealed override TaskData Read(DataFiles files, Reading reading)
    {
        if (reading.HoldOut is not null)
            return ReadTraining(files.Train, reading);

        List<TRow> train = ReadFirst(files.Train, reading, reading.Limit);
        return Gather(train, ReadFirst(files.Dev, reading with { IsDev = true }, reading.DevLimit), files);
    }

    public sealed override TaskData ReadTraining(string file, Reading reading)
    {
        List<TRow> rows = ReadFirst(file, reading, reading.Limit);
        return Gather(rows, rows, new DataFiles(file, file));
    }

    /// <summary>Reads a file in the format of its extension.</summary>
    public IEnumerable<TRow> Read(string file, Reading reading)
    {
        FileFormat<TRow>? format = Formats.FirstOrDefault(format => format.Extension == Path.GetExtension(file))
            ?? Formats.FirstOrDefault(format => format.Extension.Length == 0);
        return format?.Read(file, reading)
            ?? throw new InvalidDataException($"{file}: {Name} is read from {string.Join(" or ", Extensions)} files.");
    }

    /// <summary>Looks over the rows of both files, neither of them empty.</summary>
    protected abstract TaskData Gather(List<TRow> train, List<TRow> dev, DataFiles files);

    /// <summary>The first rows, counted as the task counts them.</summary>
    protected virtual IEnumerable<TRow> First(IEnumerable<TRow> rows, int count) => rows.Take(count);

    private List<TRow> ReadFirst(string file, Reading reading, int? limit)
    {
        IEnumerable<TRow> rows = Read(file, reading);
        List<TRow> kept = [.. limit is { } count ? First(rows, count) : rows];
        return kept.Count > 0 ? kept : throw new InvalidDataException($"{file}: expected rows, found none.");
    }
}
