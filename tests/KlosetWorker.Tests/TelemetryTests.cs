using System.Collections.Concurrent;
using System.Net;
using System.Text;
using KlosetWorker.Contract;

namespace KlosetWorker.Tests;

public sealed class TelemetryTests : IDisposable
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";

    private readonly TestHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task A_run_is_part_of_the_trace_that_ordered_it_and_sends_its_spans_figures_and_log_to_the_collector()
    {
        using var collector = new Collector();
        PrepareRun();
        _host.Set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint);
        _host.Set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        _host.Set("TRACEPARENT", $"00-{Trace}-b7ad6b7169203331-01");

        (await _host.RunAsync("run")).Exits(0);

        var spans = collector.Received("/v1/traces");
        Assert.Contains("run create", spans, StringComparison.Ordinal);
        Assert.Contains(Encoding.Latin1.GetString(Convert.FromHexString(Trace)), spans, StringComparison.Ordinal);
        Assert.Contains("kloset_worker_items", collector.Received("/v1/metrics"), StringComparison.Ordinal);
        var log = collector.Received("/v1/logs");
        Assert.Contains("Created", log, StringComparison.Ordinal);
        Assert.DoesNotContain("correct horse", spans + log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_collector_that_does_not_answer_changes_nothing()
    {
        PrepareRun();
        _host.Set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
        _host.Set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");

        Assert.Contains("Created", (await _host.RunAsync("run")).Exits(0).Output, StringComparison.Ordinal);
    }

    private void PrepareRun()
    {
        Directory.CreateDirectory(_host.At("volumes", "store"));
        _host.Write("secrets/key/passphrase", "correct horse battery staple and some more of it 42");
        _host.Set("KLOSET_SOURCE", _host.At("volumes"));
        _host.Set("KLOSET_SECRETS", _host.At("secrets"));
        _host.Set("KLOSET_RUN", _host.Write("run.json", new RunFile
        {
            Kind = RunKind.Create,
            RunId = "one",
            Repository = new() { Backend = new() { Volume = new("store") }, Passphrase = new("key", "passphrase"), Create = true },
        }.ToJson()));
    }

    /// <summary>Takes what is sent by OTLP over HTTP.</summary>
    private sealed class Collector : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentDictionary<string, string> _received = new();

        public Collector()
        {
            for (var port = Random.Shared.Next(20_000, 60_000); ; port = Random.Shared.Next(20_000, 60_000))
            {
                Endpoint = $"http://127.0.0.1:{port}";
                _listener.Prefixes.Clear();
                _listener.Prefixes.Add(Endpoint + "/");
                try
                {
                    _listener.Start();
                    break;
                }
                catch (HttpListenerException)
                {
                    // the port is taken
                }
            }

            _ = ServeAsync();
        }

        public string Endpoint { get; }

        public string Received(string path) => _received.GetValueOrDefault(path, "");

        public void Dispose() => _listener.Close();

        private async Task ServeAsync()
        {
            while (_listener.IsListening)
            {
                try
                {
                    var context = await _listener.GetContextAsync();
                    using var body = new MemoryStream();
                    await context.Request.InputStream.CopyToAsync(body);
                    _received.AddOrUpdate(context.Request.Url!.AbsolutePath, Encoding.Latin1.GetString(body.ToArray()), (_, before) => before + Encoding.Latin1.GetString(body.ToArray()));
                    context.Response.Close();
                }
                catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException or InvalidOperationException)
                {
                    return;
                }
            }
        }
    }
}
