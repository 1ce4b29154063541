using System.Reflection;

namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>What became of a mutant.</summary>
internal enum Verdict
{
    /// <summary>A documented exception whose message names the file.</summary>
    Refused,

    Loaded,

    /// <summary>Anything else: a fault of the library.</summary>
    Other,
}

/// <param name="Detail">The exception, on one line; empty if it was loaded.</param>
internal sealed record Judgement(Verdict Verdict, string Detail)
{
    private const string Library = "Microsoft.ML.PTuning";

    private const int MostShown = 600;

    /// <summary>Kinds of exceptions that loading documents.</summary>
    private static readonly Type[] Documented =
    [
        typeof(FormatException), typeof(InvalidDataException), typeof(FileNotFoundException), typeof(DirectoryNotFoundException), typeof(NotSupportedException),
    ];

    public static Judgement Of(FuzzedParser parser, Mutant mutant)
    {
        try
        {
            parser.Load(mutant.Folder, mutant.Variant);
            return new(Verdict.Loaded, "");
        }
        catch (Exception e)
        {
            while (e is TargetInvocationException { InnerException: { } inner })
                e = inner;
            return new(IsClear(e, parser, mutant) ? Verdict.Refused : Verdict.Other, Line(e));
        }
    }

    private static bool IsClear(Exception e, FuzzedParser parser, Mutant mutant)
    {
        if (parser.MayBeRefusedByMLNet)
            return !IsOurs(e) || Documented.Contains(e.GetType()) && e.Message.Contains("he model", StringComparison.Ordinal)
                || e is DirectoryNotFoundException; // The zip's name does not come to us; the model's encoder is not there.
        return (Documented.Contains(e.GetType()) || e.GetType() == parser.AlsoDocumented) && Names(e, mutant);
    }

    private static bool Names(Exception e, Mutant mutant) =>
        e is DirectoryNotFoundException || e.Message.Contains(mutant.Folder, StringComparison.Ordinal);

    private static bool IsOurs(Exception e) => e.StackTrace?.Split('\n').Any(line =>
        line.Contains($"at {Library}.", StringComparison.Ordinal) && !line.Contains(".Tests.", StringComparison.Ordinal)) == true;

    private static string Line(Exception e)
    {
        var message = e.Message.Length > MostShown ? e.Message[..MostShown] + "..." : e.Message;
        return $"{e.GetType().Name}: {message} {(e.StackTrace ?? "").Trim()}".ReplaceLineEndings(" | ");
    }
}
