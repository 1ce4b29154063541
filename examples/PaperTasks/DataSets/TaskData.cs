namespace PaperTasks.DataSets;

/// <summary>A row of a data set.</summary>
internal interface IDataRow
{
    /// <summary>What the row was made from, in its file. Rows of one source are alike: a split of the data keeps them together.</summary>
    object Source { get; }

    /// <summary>What is read of it. Another file may have it, too.</summary>
    string Text { get; }
}

/// <summary>The rows of a task, and what its trainer must know of them.</summary>
internal abstract record TaskData
{
    public abstract int TrainRows { get; }

    public abstract int DevRows { get; }

    /// <summary>The texts of the development rows.</summary>
    public abstract IReadOnlySet<string> DevTexts { get; }

    /// <summary>Leaves out the training rows that have one of these texts.</summary>
    /// <exception cref="InvalidDataException">None is left.</exception>
    public abstract TaskData Without(IReadOnlySet<string> texts);

    /// <summary>Holds a share of the training rows out; they take the place of the development rows.</summary>
    public abstract TaskData HoldOut(double share, Random random);

    /// <summary>Keeps as many training rows of each class.</summary>
    /// <exception cref="InvalidDataException">The rows have no classes, or a class has too few.</exception>
    public virtual TaskData TakePerClass(int rows, Random random) =>
        throw new InvalidDataException("--per-class is for texts and pairs of texts with a class each.");
}

/// <summary>Rows of a type.</summary>
internal abstract record TaskData<TRow>(IReadOnlyList<TRow> Train, IReadOnlyList<TRow> Dev) : TaskData
    where TRow : IDataRow
{
    public sealed override int TrainRows => Train.Count;

    public sealed override int DevRows => Dev.Count;

    public sealed override IReadOnlySet<string> DevTexts => Dev.Select(row => row.Text).ToHashSet();

    public sealed override TaskData Without(IReadOnlySet<string> texts)
    {
        TRow[] others = [.. Train.Where(row => !texts.Contains(row.Text))];
        return others.Length > 0
            ? this with { Train = others }
            : throw new InvalidDataException($"All {Train.Count} training rows of the other task have texts that are judged. Name another one with --with.");
    }

    public sealed override TaskData HoldOut(double share, Random random)
    {
        ILookup<object, TRow> sources = Train.ToLookup(row => row.Source);
        object[] order = [.. sources.Select(source => source.Key)];
        random.Shuffle(order);

        HashSet<object> held = [];
        int rows = 0;
        foreach (object source in order.TakeWhile(_ => rows < share * Train.Count))
        {
            held.Add(source);
            rows += sources[source].Count();
        }

        return rows < Train.Count
            ? this with { Train = [.. Train.Where(row => !held.Contains(row.Source))], Dev = [.. Train.Where(row => held.Contains(row.Source))] }
            : throw new InvalidDataException($"--holdout {share} of {Train.Count} training rows leaves none to train with.");
    }
}

/// <summary>Texts or pairs of texts with a label.</summary>
/// <param name="Labels">The classes in ordinal order, those of the development rows among them; empty where labels are numbers.</param>
internal sealed record SentenceData(
    Measures Measures, bool IsPair, IReadOnlyList<string> Labels, IReadOnlyList<Example> Train, IReadOnlyList<Example> Dev)
    : TaskData<Example>(Train, Dev)
{
    public bool IsRegression => Measures == Measures.Correlation;

    public override TaskData TakePerClass(int rows, Random random)
    {
        if (IsRegression || Train[0].Candidate is not null)
            return base.TakePerClass(rows, random);

        HashSet<Example> kept = [];
        foreach (IGrouping<string, Example> label in Train.GroupBy(row => row.Label).OrderBy(label => label.Key, StringComparer.Ordinal))
        {
            Example[] examples = [.. label];
            if (examples.Length < rows)
                throw new InvalidDataException($"--per-class {rows}: the class '{label.Key}' has {examples.Length} training rows only.");

            random.Shuffle(examples);
            kept.UnionWith(examples[..rows]);
        }

        return this with { Train = [.. Train.Where(kept.Contains)] };
    }
}

/// <summary>Sentences whose words are tagged.</summary>
/// <param name="Tags">The tags in ordinal order, those of the development rows among them.</param>
internal sealed record TaggingData(IReadOnlyList<string> Tags, IReadOnlyList<TaggedSentence> Train, IReadOnlyList<TaggedSentence> Dev)
    : TaskData<TaggedSentence>(Train, Dev)
{
    /// <summary>Whether each sentence is tagged for one of its words, a predicate.</summary>
    public bool HasPredicates => Train[0].Predicate is not null;
}

/// <summary>Questions whose answers stand in a text.</summary>
internal sealed record AnswerData(IReadOnlyList<TextQuestion> Train, IReadOnlyList<TextQuestion> Dev) : TaskData<TextQuestion>(Train, Dev);

/// <summary>Facts with texts that say them.</summary>
internal sealed record WritingData(IReadOnlyList<DescribedFacts> Train, IReadOnlyList<DescribedFacts> Dev) : TaskData<DescribedFacts>(Train, Dev);

/// <summary>Premises with as many choices each.</summary>
internal sealed record ChoiceData(IReadOnlyList<ChoiceQuestion> Train, IReadOnlyList<ChoiceQuestion> Dev) : TaskData<ChoiceQuestion>(Train, Dev)
{
    public int Choices => Train[0].Choices.Count;

    /// <summary>A row for each choice: the premise, the choice, and "1" where it is the right one, else "0".</summary>
    public SentenceData ToPairs() => new(Measures.BestChoice, IsPair: true, ["0", "1"], [.. Train.SelectMany(Pairs)], [.. Dev.SelectMany(Pairs)]);

    private static IEnumerable<Example> Pairs(ChoiceQuestion row) => row.Choices.Select((choice, i) =>
        new Example(row.Premise, choice, i == row.Right ? "1" : "0", row.Line) { Candidate = new Candidate($"{row.Line}", choice, [row.Choices[row.Right]]) });
}
