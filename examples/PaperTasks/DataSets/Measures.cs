namespace PaperTasks.DataSets;

/// <summary>What is measured on the development rows. The first of each list is the metric of the report.</summary>
internal enum Measures
{
    /// <summary>Share of rows predicted rightly.</summary>
    Accuracy,

    /// <summary>Accuracy, and F1 of the label "1".</summary>
    AccuracyAndF1,

    /// <summary>Accuracy, and the unweighted mean of the labels' F1.</summary>
    AccuracyAndMacroF1,

    /// <summary>MultiRC: F1 of the label "1" over all candidates, and the share of questions whose candidates are all judged rightly.</summary>
    EveryCandidate,

    /// <summary>ReCoRD: F1 of the words, and exact match, of each question's likeliest candidate with the nearest right answer.</summary>
    BestCandidate,

    /// <summary>Pairs of a premise and a choice: share of questions whose likeliest choice is the right one.</summary>
    BestChoice,

    /// <summary>Labels are numbers: Pearson's correlation, and Spearman's.</summary>
    Correlation,

    /// <summary><see cref="Correlation"/> where every label is a number and one has a decimal point, else <see cref="Accuracy"/>.</summary>
    FromLabels,
}
