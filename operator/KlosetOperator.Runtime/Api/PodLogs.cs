using System.Globalization;
using System.Net;

namespace KlosetOperator.Runtime.Api;

internal sealed class PodLogs(ApiConnection connection) : IPodLogs
{
    private static readonly ApiResource Pods = new("", "v1", "Pod", "pods");

    public async Task<string?> TailAsync(NamespacedName pod, string container, int tailLines, int limitBytes, CancellationToken cancellationToken)
    {
        var parameters = new QueryString()
            .Add("container", container)
            .Add("tailLines", tailLines.ToString(CultureInfo.InvariantCulture))
            .Add("limitBytes", limitBytes.ToString(CultureInfo.InvariantCulture));
        var call = new ApiRequest($"read the log of {container} in pod {pod}", HttpMethod.Get, Pods.Path(pod.Namespace, pod.Name, "log") + parameters)
        {
            Accept = "*/*",
        };
        try
        {
            return await connection.SendAsync(call, static (response, token) => response.Content.ReadAsStringAsync(token), cancellationToken).ConfigureAwait(false);
        }
        catch (ApiException error) when (error.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest)
        {
            // 400 is how the server says that the container waits to start.
            return null;
        }
    }
}
