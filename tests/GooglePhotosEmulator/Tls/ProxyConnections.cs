using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using GooglePhotosEmulator.Http;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace GooglePhotosEmulator.Tls;

/// <summary>
/// What comes before HTTP on the emulator's port: <c>CONNECT host:443</c> for one of Google's hosts opens a tunnel that ends
/// here, under a certificate of the emulator's authority; a TLS hello without CONNECT is answered likewise; anything else is plain HTTP.
/// </summary>
internal sealed class ProxyConnections(CertificateAuthority authority)
{
    private const int MaxConnectBytes = 16 * 1024;

    public async Task HandleAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var target = await ReadConnectAsync(connection);
        switch (target)
        {
            case Start.Plain:
                await next(connection);
                return;
            case Start.Refused:
                return;
            case Start.Tls tls:
                await ServeTlsAsync(connection, tls.Host, next);
                return;
        }
    }

    private async Task ServeTlsAsync(ConnectionContext connection, string? host, ConnectionDelegate next)
    {
        var raw = connection.Transport;
        await using var duplex = new PipeStream(raw);
        await using var tls = new SslStream(duplex, leaveInnerStreamOpen: true);
        try
        {
            await tls.AuthenticateAsServerAsync((_, hello, _, _) => ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ServerCertificate = authority.LeafFor(hello.ServerName is { Length: > 0 } name ? name : host ?? "127.0.0.1"),
                ApplicationProtocols = [SslApplicationProtocol.Http11],
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            }), null, connection.ConnectionClosed);
        }
        catch (Exception e) when (e is IOException or AuthenticationException or OperationCanceledException)
        {
            return; // The client does not trust the authority, or went away.
        }

        connection.Features.Set<ITlsConnectionFeature>(new TlsFeature());
        connection.Transport = new DuplexPipe(
            PipeReader.Create(tls, new StreamPipeReaderOptions(bufferSize: 32 * 1024, leaveOpen: true)),
            PipeWriter.Create(tls, new StreamPipeWriterOptions(leaveOpen: true)));
        try
        {
            await next(connection);
            await connection.Transport.Input.CompleteAsync();
            await connection.Transport.Output.CompleteAsync();
            await tls.ShutdownAsync();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or ObjectDisposedException)
        {
            // Cut on either side: there is nobody to tell.
        }
        finally
        {
            connection.Transport = raw;
        }
    }

    private static async Task<Start> ReadConnectAsync(ConnectionContext connection)
    {
        var input = connection.Transport.Input;
        while (true)
        {
            var read = await input.ReadAsync(connection.ConnectionClosed);
            var buffer = read.Buffer;
            if (buffer.IsEmpty)
            {
                if (read.IsCompleted)
                {
                    input.AdvanceTo(buffer.Start);
                    return new Start.Refused();
                }

                input.AdvanceTo(buffer.Start, buffer.End);
                continue;
            }

            if (buffer.FirstSpan[0] == 0x16)
            {
                input.AdvanceTo(buffer.Start);
                return new Start.Tls(null);
            }

            if (!StartsLikeConnect(buffer))
            {
                input.AdvanceTo(buffer.Start);
                return new Start.Plain();
            }

            if (EndOfHeaders(buffer) is { } end)
            {
                var head = Encoding.ASCII.GetString(buffer.Slice(0, end));
                input.AdvanceTo(end);
                return await AnswerConnectAsync(connection.Transport.Output, head);
            }

            if (read.IsCompleted || buffer.Length > MaxConnectBytes)
            {
                input.AdvanceTo(buffer.End);
                return new Start.Refused();
            }

            input.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static async Task<Start> AnswerConnectAsync(PipeWriter output, string head)
    {
        var target = head.Split(' ')[1];
        var colon = target.LastIndexOf(':');
        var host = colon < 0 ? target : target[..colon];
        if (GoogleHosts.All.Contains(host))
        {
            await output.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray());
            return new Start.Tls(host);
        }

        // Nothing leaves this process: a host that is not Google's does not exist here.
        var body = $"The Google Photos emulator does not answer for {host}.\n";
        await output.WriteAsync(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}"));
        return new Start.Refused();
    }

    private static bool StartsLikeConnect(ReadOnlySequence<byte> buffer)
    {
        Span<byte> start = stackalloc byte[8];
        var length = (int)Math.Min(buffer.Length, start.Length);
        buffer.Slice(0, length).CopyTo(start);
        return "CONNECT "u8.StartsWith(start[..length]);
    }

    private static SequencePosition? EndOfHeaders(ReadOnlySequence<byte> buffer)
    {
        var reader = new SequenceReader<byte>(buffer);
        return reader.TryReadTo(out ReadOnlySequence<byte> _, "\r\n\r\n"u8) ? reader.Position : null;
    }

    private abstract record Start
    {
        public sealed record Plain : Start;

        public sealed record Refused : Start;

        /// <param name="Host">Host of the CONNECT; null without one.</param>
        public sealed record Tls(string? Host) : Start;
    }

    private sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Tells Kestrel that the scheme is https.</summary>
    private sealed class TlsFeature : ITlsConnectionFeature
    {
        public X509Certificate2? ClientCertificate { get; set; }

        public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult<X509Certificate2?>(null);
    }
}
