using System.Text.Json;
using System.Text.Json.Nodes;
using DevCluster.Faults;
using DevCluster.Json;
using DevCluster.Storage;

namespace DevCluster.Api;

/// <summary>Writes the events of one watch, with the faults that the script wants between them.</summary>
internal sealed class WatchWriter(HttpContext http, FaultScript faults, ApiRequest request, CancellationTokenSource end)
{
    private long _sequence;
    private byte[]? _held;

    public async Task EventAsync(string type, ObjectKey key, JsonNode content)
    {
        var line = Line(type, content);
        switch (faults.Judge(new WatchDelivery(request, type, key.Namespace ?? "", key.Name ?? "", ++_sequence)))
        {
            case WatchFault.Drop:
                return;
            case WatchFault.Duplicate:
                await WriteAsync(line);
                break;
            case WatchFault.SwapWithNext:
                _held = line;
                return;
            case WatchFault.Cut:
                http.Abort();
                await end.CancelAsync();
                throw new OperationCanceledException(end.Token);
            case WatchFault.Expire:
                await ErrorAsync(ApiException.Expired("too old resource version: injected").ToStatus());
                await end.CancelAsync();
                throw new OperationCanceledException(end.Token);
        }

        await WriteAsync(line);
        if (_held is { } held)
        {
            _held = null;
            await WriteAsync(held);
        }

        if (type == "BOOKMARK")
        {
            await FlushAsync();
        }
    }

    public async Task ErrorAsync(JsonObject status)
    {
        await WriteAsync(Line("ERROR", status));
        await FlushAsync();
    }

    public Task FlushAsync() => http.Response.Body.FlushAsync(end.Token);

    private static byte[] Line(string type, JsonNode content) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["type"] = type, ["object"] = content.Parent is null ? content : content.Copy() }, JsonText.Compact), (byte)'\n'];

    private async Task WriteAsync(byte[] line) => await http.Response.Body.WriteAsync(line, end.Token);
}
