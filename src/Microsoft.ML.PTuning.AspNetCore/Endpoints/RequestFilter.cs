using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning.AspNetCore.Hosting;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>What all endpoints do: refuse while the application shuts down, and say refusals as problem details.</summary>
internal sealed class RequestFilter(Drain drain, IOptions<PTuningOptions> options) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        if (options.Value.RateLimit is not null && !CallerRateLimit.HasCounted(http))
            throw new InvalidOperationException("PTuning:RateLimit is set, but nothing counts requests. Call app.UseRateLimiter() before app.MapPTuning().");
        if (!drain.TryEnter())
            return Problems.Result(http, Problems.ShuttingDown());

        http.Response.OnCompleted(() =>
        {
            drain.Exit();
            return Task.CompletedTask;
        });
        var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, drain.Expired);
        http.Response.RegisterForDispose(ending);
        http.RequestAborted = ending.Token;
        try
        {
            return await next(context).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (drain.Expired.IsCancellationRequested)
        {
            return Problems.Result(http, Problems.ShuttingDown());
        }
        catch (Exception e) when (!http.Response.HasStarted && Problems.Of(e) is { } problem)
        {
            return Problems.Result(http, problem);
        }
    }
}
