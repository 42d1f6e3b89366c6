using System.Globalization;
using KlosetOperator.Runtime.Diagnostics;

namespace KlosetOperator.Runtime.Api;

/// <summary>Counts every request that goes out, retries too.</summary>
internal sealed class RequestMetricsHandler(RuntimeMetrics metrics) : DelegatingHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // client-go's label for a request without an answer.
        var code = "<error>";
        try
        {
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            code = ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
            return response;
        }
        finally
        {
            metrics.RestRequests.Add(
                1,
                new KeyValuePair<string, object?>("code", code),
                new KeyValuePair<string, object?>("method", request.Method.Method),
                new KeyValuePair<string, object?>("host", request.RequestUri?.Authority));
        }
    }
}
