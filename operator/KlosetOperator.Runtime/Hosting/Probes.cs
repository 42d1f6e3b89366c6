using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Leader;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace KlosetOperator.Runtime.Hosting;

/// <summary>What the kubelet asks. Readiness says nothing of leadership: a standby with full caches is ready to take over.</summary>
internal static class Probes
{
    public static void Map(WebApplication app)
    {
        app.MapGet("/healthz", Live);
        app.MapGet("/livez", Live);
        app.MapGet("/readyz", Ready);
    }

    private static Task Live(HttpContext context) => Answer(
        context, context.RequestServices.GetService<LeaseElector>() is not { IsHealthy: false }, "the lease that this process believes to hold is overdue");

    private static Task Ready(HttpContext context) => Answer(
        context, context.RequestServices.GetRequiredService<InformerGroup>().HasSynced, "the caches are not filled yet");

    private static Task Answer(HttpContext context, bool well, string otherwise)
    {
        context.Response.StatusCode = well ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(well ? "ok" : otherwise);
    }
}
