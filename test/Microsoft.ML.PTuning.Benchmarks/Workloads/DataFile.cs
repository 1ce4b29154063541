namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>A file of a public data set, in the folder that PTUNING_DATA names, else in <c>data</c> of the one that PTUNING_SHARED names.</summary>
/// <param name="Pattern">Its name; <c>*</c> stands for any characters.</param>
internal sealed record DataFile(string Folder, string Pattern)
{
    public static readonly DataFile Sst2 = new("glue/SST-2", "train.tsv");

    public static readonly DataFile Sst2Dev = new("glue/SST-2", "dev.tsv");

    /// <summary>A text and its class per line, without a header.</summary>
    public static readonly DataFile AgNews = new("ag_news", "test.tsv");

    public static readonly DataFile AgNewsTraining = new("ag_news", "dev.tsv");

    public static readonly DataFile Conll04Train = new("conll04", "train.txt");

    public static readonly DataFile Conll04Dev = new("conll04", "dev.txt");

    public static readonly DataFile Squad = new("squad", "train-v1.1*.json");

    /// <summary>Where it is, the first by name if several fit; null where there is none.</summary>
    public string? Path
    {
        get
        {
            var folder = Data() is { } data ? System.IO.Path.Combine(data, Folder) : null;
            return Directory.Exists(folder) ? Directory.GetFiles(folder, Pattern).Order(StringComparer.Ordinal).FirstOrDefault() : null;
        }
    }

    /// <summary>Why nothing can be measured on it; null where it is there.</summary>
    public string? Obstacle => Path is null
        ? $"it takes {Folder}/{Pattern}, found neither in the folder PTUNING_DATA nor in data/ of the folder PTUNING_SHARED"
        : null;

    private static string? Data() =>
        Environment.GetEnvironmentVariable("PTUNING_DATA") is { Length: > 0 } data ? data
        : Environment.GetEnvironmentVariable("PTUNING_SHARED") is { Length: > 0 } shared ? System.IO.Path.Combine(shared, "data")
        : null;
}
