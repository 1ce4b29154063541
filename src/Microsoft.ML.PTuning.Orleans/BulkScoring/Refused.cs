using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>Why data, a model or a job is refused.</summary>
internal static class Refused
{
    /// <summary>The refusal within an exception: ML.NET wraps what the reading of a row throws.</summary>
    public static DataException? Find(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            if (e is DataException refused)
                return refused;
        return null;
    }

    /// <summary>A refusal as a caller on another machine gets it, who has not the exceptions of files.</summary>
    public static InvalidOperationException ForCallers(DataException refused) => new(refused.Message);
}
