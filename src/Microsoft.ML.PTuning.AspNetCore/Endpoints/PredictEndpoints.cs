using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>Predictions of one row, of one row by several models, and of streams of rows.</summary>
internal static class PredictEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        Describe(endpoints.MapPost("/predict/{model}", PredictAsync))
            .WithName("Predict")
            .WithSummary("Predicts a row, or a stream of rows.")
            .WithDescription(
                "A row is an object whose properties are the columns that the model reads; GET /models/{model} names them. As application/x-ndjson the "
                + "body is a row per line, of any number. The answers come in the same order while rows are still sent: {\"line\": 1, \"prediction\": {...}}, "
                + "or {\"line\": 2, \"problem\": {...}} for a line that is refused. Read them while you send, for the service does not read on before.")
            .Produces<JsonObject>(StatusCodes.Status200OK, RequestBody.Json, RequestBody.Lines)
            .AddOpenApiOperationTransformer(ServingDocument.DescribeRowAsync)
            .ProducesProblem(StatusCodes.Status404NotFound);
        Describe(endpoints.MapPost("/predict", PredictByAllAsync))
            .WithName("PredictWithSeveral")
            .WithSummary("Predicts a row with several models.")
            .WithDescription("The answer has a property per model.")
            .Produces<JsonObject>()
            .AddOpenApiOperationTransformer(ServingDocument.DescribeSeveralModelsAsync)
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static RouteHandlerBuilder Describe(RouteHandlerBuilder endpoint) => endpoint
        .ProducesProblem(StatusCodes.Status400BadRequest)
        .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
        .ProducesProblem(StatusCodes.Status415UnsupportedMediaType);

    private static async Task<IResult> PredictAsync(
        string model, HttpContext http, IPTuningPredictor predictor, QueueWatch queue, RowStream stream, IOptions<PTuningOptions> options)
    {
        if (RequestBody.HasLines(http.Request))
        {
            await stream.AnswerAsync(model, http).ConfigureAwait(false);
            return Results.Empty;
        }

        if (queue.IsFull(model))
            return Problems.Result(http, Problems.Full()); // Before anything of the row is read, for then a refusal costs least.
        using var row = await RequestBody.ReadJsonAsync(http, options.Value.MaxRowCharacters).ConfigureAwait(false);
        var answers = await predictor.PredictJsonAsync([model], row.RootElement, http.RequestAborted).ConfigureAwait(false);
        return TypedResults.Ok(answers[model]);
    }

    private static async Task<IResult> PredictByAllAsync(HttpContext http, IPTuningPredictor predictor, IOptions<PTuningOptions> options)
    {
        using var document = await RequestBody.ReadJsonAsync(http, options.Value.MaxRowCharacters).ConfigureAwait(false);
        var (models, row) = SeveralModelsRequest.Read(document.RootElement, options.Value.MaxModelsPerRow);
        var answers = await predictor.PredictJsonAsync(models, row, http.RequestAborted).ConfigureAwait(false);
        return TypedResults.Ok(new JsonObject(models.Select(model => KeyValuePair.Create(model, (JsonNode?)answers[model]))));
    }
}
