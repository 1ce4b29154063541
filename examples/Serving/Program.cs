using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.AspNetCore;
using OpenTelemetry.Metrics;
using Serving;
using TicketRouting;

// Serves three small models over one encoder: a ticket's queue, the names in a message, answers from a help page. With a page to try them.

const string ExplainPolicy = "explain";

// 1. The models are files of a folder. A first start trains them.
WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
string models = Path.GetFullPath(builder.Configuration["PTuning:ModelsDirectory"] ?? "models", builder.Environment.ContentRootPath);
FirstModels.TrainMissing(models);

// 2. The service, what the page shows beside its answers, and metrics for Prometheus.
builder.Services.AddPTuning(options => options.ModelsDirectory = models);
builder.Services.AddSingleton(_ => new Explanations(FirstModels.PathOf(models, FirstModels.Queue)));
builder.Services.AddSingleton<LiveFigures>();
builder.Services.AddRateLimiter(limiter => limiter.AddConcurrencyLimiter(ExplainPolicy, limit => (limit.PermitLimit, limit.QueueLimit) = (1, 16)));
builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics
    .AddMeter("Microsoft.ML.PTuning", "Microsoft.ML.PTuning.Serving", "Microsoft.ML.PTuning.AspNetCore", "Microsoft.AspNetCore.Hosting")
    .AddPrometheusExporter());

WebApplication app = builder.Build();
app.Services.GetRequiredService<LiveFigures>(); // Counts from the start.

// 3. The page's files, which may load nothing from elsewhere and run no script that stands in the page; refusals as problem details.
app.UseExceptionHandler();
app.UseStatusCodePages();
app.Use((context, next) =>
{
    context.Response.Headers.ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    context.Response.Headers.XContentTypeOptions = "nosniff";
    context.Response.Headers["Referrer-Policy"] = "no-referrer";
    return next(context);
});
app.UseFileServer();
app.UseRateLimiter();

// 4. The endpoints.
app.MapPTuning();
app.MapPTuningHealthChecks();
app.MapOpenApi(); // /openapi/ptuning.json
app.MapPrometheusScrapingEndpoint(); // /metrics
app.MapPost("/explain", Explain).RequireRateLimiting(ExplainPolicy);
app.MapGet("/live", (LiveFigures figures, CancellationToken cancelled) => TypedResults.ServerSentEvents(figures.WatchAsync(cancelled)));
app.Run();

static Results<Ok<IEnumerable<ExplainedWord>>, ProblemHttpResult> Explain(Ticket ticket, Explanations explanations, IOptions<PTuningOptions> options)
{
    int most = options.Value.MaxRowCharacters, found = string.IsNullOrWhiteSpace(ticket.Text) ? 0 : ticket.Text.Length;
    if (found == 0 || found > most)
        return TypedResults.Problem(
            $"'Text' must have 1 to {most} characters; found {found}.",
            statusCode: found == 0 ? StatusCodes.Status400BadRequest : StatusCodes.Status413PayloadTooLarge);

    return TypedResults.Ok(explanations.Explain(ticket).Select(word => new ExplainedWord(word.Start, word.Length, word.Weight)));
}

/// <summary>How much a word of the text speaks for its queue.</summary>
internal sealed record ExplainedWord(int Start, int Length, double Weight);
