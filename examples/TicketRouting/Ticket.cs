using Microsoft.ML.Data;

namespace TicketRouting;

/// <summary>A row of the data files: a customer's words and the queue whose people answer them.</summary>
internal sealed class Ticket
{
    [LoadColumn(0)]
    public string Queue { get; set; } = "";

    [LoadColumn(1)]
    public string Text { get; set; } = "";
}

/// <summary>What the model says about a ticket.</summary>
internal sealed class Routing
{
    [ColumnName("PredictedLabel")]
    public string Queue { get; set; } = "";

    /// <summary>A probability for each queue.</summary>
    public float[] Score { get; set; } = [];
}
