using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>What models there are.</summary>
internal static class ModelEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/models", ListAsync)
            .WithName("ListModels")
            .WithSummary("Lists the models, loaded or not.");
        endpoints.MapGet("/models/{model}", DescribeAsync)
            .WithName("DescribeModel")
            .WithSummary("Says what a model is: its task, the columns that it reads and gives, its classes.")
            .WithDescription("Loads the model, if it is not loaded.")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<Ok<IReadOnlyList<PTuningModel>>> ListAsync(IPTuningPredictor predictor, HttpContext http) =>
        TypedResults.Ok(await predictor.ListModelsAsync(http.RequestAborted).ConfigureAwait(false));

    private static async Task<Ok<PTuningModelDescription>> DescribeAsync(string model, IPTuningPredictor predictor, HttpContext http) =>
        TypedResults.Ok(await predictor.DescribeAsync(model, http.RequestAborted).ConfigureAwait(false));
}
