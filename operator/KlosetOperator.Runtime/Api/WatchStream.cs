using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Text.Json;
using k8s;
using k8s.Models;

namespace KlosetOperator.Runtime.Api;

/// <summary>
/// Reads the lines of a watch. Unlike the client library's reader it returns at once when the server closes an idle
/// watch, reports ERROR events as the end that they are, and never loses a malformed line silently.
/// </summary>
internal sealed class WatchStream<T>(Stream body, string what) : IAsyncDisposable
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Far above etcd's limit of an object; a longer line is not the API server's.</summary>
    private const int LongestLine = 64 << 20;

    private readonly PipeReader _reader = PipeReader.Create(body, new StreamPipeReaderOptions(bufferSize: 16 << 10));
    private bool _ended;

    public ValueTask DisposeAsync() => _reader.CompleteAsync();

    /// <summary>The next event. After <see cref="WatchEvent{T}.Ended"/> there is none.</summary>
    public async Task<WatchEvent<T>> NextAsync(CancellationToken cancellationToken)
    {
        while (!_ended)
        {
            ReadResult result;
            try
            {
                result = await _reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (ApiConnection.IsNetworkFailure(error))
            {
                return End(new WatchEnd.Failed(new ApiException($"{what}: the connection broke: {error.Message}", error)));
            }

            var buffer = result.Buffer;
            if (buffer.PositionOf((byte)'\n') is { } newline)
            {
                var decoded = IsBlank(buffer.Slice(0, newline)) ? null : Decode(buffer.Slice(0, newline));
                _reader.AdvanceTo(buffer.GetPosition(1, newline));
                if (decoded is not null)
                {
                    return decoded;
                }
            }
            else if (result.IsCompleted)
            {
                var rest = IsBlank(buffer);
                _reader.AdvanceTo(buffer.End);
                return End(rest
                    ? new WatchEnd.Closed()
                    : new WatchEnd.Failed(new ApiException($"{what}: the connection broke in the middle of an event.")));
            }
            else if (buffer.Length > LongestLine)
            {
                return End(new WatchEnd.Failed(new ApiException($"{what}: a line of more than {LongestLine >> 20} MiB.")));
            }
            else
            {
                _reader.AdvanceTo(buffer.Start, buffer.End);
            }
        }

        throw new InvalidOperationException("The watch has ended.");
    }

    private static bool IsBlank(in ReadOnlySequence<byte> line)
    {
        foreach (var part in line)
        {
            if (part.Span.ContainsAnyExcept(" \t\r\n"u8))
            {
                return false;
            }
        }

        return true;
    }

    private WatchEvent<T>.Ended End(WatchEnd end)
    {
        _ended = true;
        return new WatchEvent<T>.Ended(end);
    }

    private WatchEvent<T> Decode(in ReadOnlySequence<byte> line)
    {
        string? type;
        ReadOnlySequence<byte> entity;
        try
        {
            (type, entity) = Split(line);
        }
        catch (Exception error) when (Undecodable.IsDecodeFailure(error))
        {
            return End(new WatchEnd.Failed(new ApiException($"{what}: a line that is no event ({error.Message})", error)));
        }

        switch (type)
        {
            case "BOOKMARK":
                return VersionOrNull(entity) is { Length: > 0 } version
                    ? new WatchEvent<T>.Bookmark(version)
                    : End(new WatchEnd.Failed(new ApiException($"{what}: a bookmark without a resource version.")));
            case "ERROR":
                return End(Failure(entity));
            case "ADDED" or "MODIFIED" or "DELETED":
                break;
            default:
                return End(new WatchEnd.Failed(new ApiException($"{what}: an event of the unknown type '{type}'.")));
        }

        T decoded;
        try
        {
            var reader = new Utf8JsonReader(entity);
            decoded = Undecodable.NamedOrThrow(JsonSerializer.Deserialize<T>(ref reader, ApiJson.Options));
        }
        catch (Exception error) when (Undecodable.IsDecodeFailure(error))
        {
            var reader = new Utf8JsonReader(entity);
            using var document = JsonDocument.ParseValue(ref reader);
            return new WatchEvent<T>.Undecodable(Undecodable.Describe(document.RootElement, error), type == "DELETED");
        }

        return type switch
        {
            "ADDED" => new WatchEvent<T>.Added(decoded),
            "MODIFIED" => new WatchEvent<T>.Modified(decoded),
            _ => new WatchEvent<T>.Deleted(decoded),
        };
    }

    /// <summary>Finds the type and the bytes of the object without building anything.</summary>
    private static (string? Type, ReadOnlySequence<byte> Entity) Split(in ReadOnlySequence<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        string? type = null;
        ReadOnlySequence<byte>? entity = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("an event is an object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            var isEntity = reader.ValueTextEquals("object"u8);
            reader.Read();
            if (isType)
            {
                type = reader.TokenType == JsonTokenType.String ? reader.GetString() : throw new JsonException("the type is no string");
            }
            else if (isEntity)
            {
                var start = reader.TokenStartIndex;
                reader.Skip();
                entity = line.Slice(start, reader.BytesConsumed - start);
            }
            else
            {
                reader.Skip();
            }
        }

        // Reads to the end, so that rubbish behind the object is noticed.
        while (reader.Read())
        {
        }

        return (type, entity ?? throw new JsonException("an event without an object"));
    }

    private static string? VersionOrNull(in ReadOnlySequence<byte> entity)
    {
        try
        {
            return ResourceVersionOf(entity);
        }
        catch (Exception error) when (Undecodable.IsDecodeFailure(error))
        {
            return null;
        }
    }

    private static string? ResourceVersionOf(in ReadOnlySequence<byte> entity)
    {
        var reader = new Utf8JsonReader(entity);
        using var document = JsonDocument.ParseValue(ref reader);
        return document.RootElement is { ValueKind: JsonValueKind.Object } root
            && root.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object
            && metadata.TryGetProperty("resourceVersion", out var version) && version.ValueKind == JsonValueKind.String
            ? version.GetString()
            : null;
    }

    private WatchEnd Failure(in ReadOnlySequence<byte> entity)
    {
        V1Status? status = null;
        try
        {
            var reader = new Utf8JsonReader(entity);
            status = JsonSerializer.Deserialize<V1Status>(ref reader, ApiJson.Options);
        }
        catch (Exception error) when (Undecodable.IsDecodeFailure(error))
        {
            // Whatever it is, it is an error.
        }

        var failure = ApiConnection.FromStatus(what, status ?? new V1Status(), (HttpStatusCode)(status?.Code ?? 500), retryAfter: null);
        return failure.IsExpired ? new WatchEnd.Expired(failure.Message) : new WatchEnd.Failed(failure);
    }
}
