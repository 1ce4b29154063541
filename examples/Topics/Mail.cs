using Microsoft.ML;
using Microsoft.ML.Data;

namespace Topics;

/// <summary>A mail to support that is about one matter, or about two.</summary>
internal sealed class Mail
{
    public string Text { get; set; } = "";

    public string[] Topics { get; set; } = [];

    /// <summary>Makes mails of a file of tickets: each ticket by itself, and each joined with another one.</summary>
    public static List<Mail> Read(MLContext mlContext, string path, int seed)
    {
        var tickets = mlContext.Data.LoadFromTextFile<Ticket>(path, hasHeader: true);
        Ticket[] single = [.. mlContext.Data.CreateEnumerable<Ticket>(tickets, reuseRowObject: false)];
        Ticket[] other = [.. single];
        new Random(seed).Shuffle(other);
        return
        [
            .. single.Select(ticket => new Mail { Text = ticket.Text, Topics = [ticket.Queue] }),
            .. single.Zip(other, (first, second) => new Mail
            {
                Text = $"{first.Text} {second.Text}",
                Topics = [.. new[] { first.Queue, second.Queue }.Distinct()],
            }),
        ];
    }

    private sealed class Ticket
    {
        [LoadColumn(0)]
        public string Queue { get; set; } = "";

        [LoadColumn(1)]
        public string Text { get; set; } = "";
    }
}

/// <summary>What the model says of a mail.</summary>
internal sealed class Tagged
{
    public string[] PredictedLabel { get; set; } = [];

    public float[] Score { get; set; } = [];
}
