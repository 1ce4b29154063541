using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>Refusals as problem details (RFC 9457).</summary>
internal static class Problems
{
    /// <summary>The extension that names the model.</summary>
    public const string Model = "model";

    /// <summary>The extension that names a property of the row.</summary>
    public const string Field = "field";

    private const string RetryAfter = "retryAfter";

    /// <summary>What refuses requests while the application shuts down.</summary>
    public static ProblemDetails ShuttingDown() => Create(
        StatusCodes.Status503ServiceUnavailable, "shutting-down", "The service shuts down.", "Try again later, or elsewhere.",
        retryAfter: TimeSpan.FromSeconds(5));

    /// <summary>What refuses requests while too many wait.</summary>
    public static ProblemDetails Full() => Create(
        StatusCodes.Status503ServiceUnavailable, "full", "Too many requests wait.", "Try again later.", retryAfter: TimeSpan.FromSeconds(1));

    /// <returns>Null if the exception is no refusal but a fault.</returns>
    public static ProblemDetails? Of(Exception exception) => exception switch
    {
        PTuningModelNotFoundException unknown => With(
            Create(StatusCodes.Status404NotFound, "unknown-model", "There is no such model.", unknown.Message), Model, unknown.Model),
        PTuningModelUnavailableException broken => With(
            Create(
                StatusCodes.Status503ServiceUnavailable, "broken-model", "The model cannot be loaded.",
                $"The model '{broken.Model}' cannot be loaded. The service's log says why."), // The reason names folders.
            Model,
            broken.Model),
        PTuningRowException { IsTooLong: true } row => Create(StatusCodes.Status413PayloadTooLarge, "row-too-long", "The row is too long.", row.Message),
        PTuningRowException row => With(
            Create(StatusCodes.Status400BadRequest, "wrong-row", "The row is not one that the model reads.", row.Message), Field, row.Field),
        JsonException json => Create(StatusCodes.Status400BadRequest, "wrong-json", "The text is not JSON.", json.Message),
        BadHttpRequestException request => Create(request.StatusCode, "bad-request", "The request cannot be read.", request.Message),
        PredictionQueueFullException => Full(),
        ObjectDisposedException => ShuttingDown(),
        _ => null,
    };

    /// <param name="code">What programs tell problems by; the last part of the type.</param>
    public static ProblemDetails Create(int status, string code, string title, string detail, TimeSpan? retryAfter = null)
    {
        var problem = new ProblemDetails { Status = status, Type = $"urn:ptuning:problem:{code}", Title = title, Detail = detail };
        return With(problem, RetryAfter, retryAfter is { } time ? (int)Math.Ceiling(time.TotalSeconds) : null);
    }

    /// <summary>The problem as an endpoint's result, with its header.</summary>
    public static IResult Result(HttpContext context, ProblemDetails problem)
    {
        SetHeader(context, problem);
        return TypedResults.Problem(problem);
    }

    /// <summary>Writes the problem as the response.</summary>
    public static Task WriteAsync(HttpContext context, ProblemDetails problem) => Result(context, problem).ExecuteAsync(context);

    private static void SetHeader(HttpContext context, ProblemDetails problem)
    {
        if (problem.Extensions.TryGetValue(RetryAfter, out var seconds) && seconds is int wait)
            context.Response.Headers.RetryAfter = wait.ToString(CultureInfo.InvariantCulture);
    }

    private static ProblemDetails With(ProblemDetails problem, string name, object? value)
    {
        if (value is not null)
            problem.Extensions[name] = value;
        return problem;
    }
}
