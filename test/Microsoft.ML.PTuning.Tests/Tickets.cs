using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>A row of made-up support tickets; their words are the vocabulary of <see cref="TinyEncoder"/>.</summary>
internal sealed class Ticket
{
    public string Text { get; set; } = "";

    public string Topic { get; set; } = "";

    public float Hours { get; set; }

    public bool IsUrgent { get; set; }

    public int Number { get; set; }

    [VectorType(3)]
    public float[] Vector { get; set; } = [0, 0, 0];
}

/// <summary>What a prediction of a ticket's topic gives back.</summary>
internal sealed class TopicScores
{
    public uint PredictedLabel { get; set; }

    public float[] Score { get; set; } = [];
}

/// <summary>Tickets of three topics that their words tell apart, of 2 to 14 words.</summary>
internal static class Tickets
{
    public static readonly string[] Topics = ["billing", "software", "delivery"];

    public static readonly string[] Words =
    [
        "invoice", "charge", "refund", "card", "paid",
        "error", "crash", "screen", "report", "update",
        "parcel", "courier", "depot", "late", "box",
        "the", "a", "is", "my", "was", "i", "not", "now", "please", "thanks",
    ];

    private const int WordsATopic = 5;

    public static Ticket Create(int number)
    {
        var random = new Random(number);
        var topic = number % Topics.Length;
        string[] words =
        [
            .. Enumerable.Range(0, 2 + random.Next(3)).Select(_ => Words[topic * WordsATopic + random.Next(WordsATopic)]),
            .. Enumerable.Range(0, random.Next(11)).Select(_ => Words[Topics.Length * WordsATopic + random.Next(10)]),
        ];
        random.Shuffle(words);
        return new Ticket
        {
            Text = string.Join(' ', words),
            Topic = Topics[topic],
            Hours = 2 * topic + 1,
            IsUrgent = topic == 1,
            Number = number,
            Vector = [number, -number, topic],
        };
    }

    public static IReadOnlyList<Ticket> Rows(int count) => [.. Enumerable.Range(0, count).Select(Create)];

    /// <summary>Rows with their topic as the key column <c>Label</c>.</summary>
    public static IDataView Keyed(MLContext mlContext, IEnumerable<Ticket> rows)
    {
        var data = mlContext.Data.LoadFromEnumerable(rows);
        var topics = mlContext.Data.LoadFromEnumerable(Topics.Select(topic => new TopicName { Name = topic }));
        return mlContext.Transforms.Conversion.MapValueToKey("Label", "Topic", keyData: topics).Fit(data).Transform(data);
    }

    private sealed class TopicName
    {
        public string Name { get; set; } = "";
    }
}
