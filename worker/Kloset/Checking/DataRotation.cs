using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kloset.Storage;

namespace Kloset.Checking;

/// <summary>
/// Where checks with a budget stand in their round over all packfiles. Kept in the store itself, because the Jobs that go on with it share nothing
/// else; lost or unreadable, a new round begins.
/// </summary>
/// <param name="Position">The packfile that is read next; null: a round is complete.</param>
/// <param name="RoundStarted">When the round under way began; null before the first one.</param>
/// <param name="LastRound">When the last complete round ended: all that was stored before it began has been read.</param>
internal sealed record DataRotation(Mac? Position, DateTimeOffset? RoundStarted, DateTimeOffset? LastRound)
{
    public const string Key = "kloset-operator/check/data-position";

    private const int MaxLength = 4096;

    public static DataRotation Start { get; } = new(null, null, null);

    public static async Task<DataRotation> LoadAsync(IStore store, CancellationToken cancellationToken)
    {
        try
        {
            using var bytes = new PooledBuffer(256);
            await StoreReading.ReadAllAsync(store, Key, bytes, cancellationToken);
            return bytes.Length <= MaxLength ? Parse(bytes.Span) : Start;
        }
        catch (StoreException exception) when (exception.Failure is StoreFailure.NotFound or StoreFailure.AccessDenied or StoreFailure.Invalid)
        {
            return Start;
        }
    }

    /// <returns>Null, or why it could not be kept.</returns>
    public async Task<string?> SaveAsync(IStore store, CancellationToken cancellationToken)
    {
        var line = new Line(Position?.ToString(), RoundStarted, LastRound);
        try
        {
            await store.PutAsync(Key, new ReadOnlySequence<byte>(JsonSerializer.SerializeToUtf8Bytes(line, RotationJson.Default.Line)), cancellationToken);
            return null;
        }
        catch (StoreException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>What it is after a check that stopped at <paramref name="next"/>.</summary>
    public DataRotation After(Mac? next, bool wrapped, DateTimeOffset now)
    {
        var started = RoundStarted ?? now;
        return wrapped || next is null ? new(next, next is null ? null : now, now) : this with { Position = next, RoundStarted = started };
    }

    internal static DataRotation Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, RotationJson.Default.Line) is { } line
                ? new(Mac.TryParse(line.Position, out var position) ? position : null, line.RoundStarted, line.LastRound)
                : Start;
        }
        catch (JsonException)
        {
            return Start;
        }
    }

    internal sealed record Line(string? Position, DateTimeOffset? RoundStarted, DateTimeOffset? LastRound);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DataRotation.Line))]
internal sealed partial class RotationJson : JsonSerializerContext;
