using System.Text.Json;

namespace KlosetWorker.Contract;

/// <summary>
/// One JSON line on standard output every few seconds. The operator reads the tail of the pod's log; a line that does not begin
/// with <c>{"progress":</c> is something else.
/// </summary>
public sealed record RunProgress
{
    /// <summary>Marks a line as progress and carries the schema number.</summary>
    public int Progress { get; set; } = 1;

    /// <summary>Opening, Enumerating, Reading, Committing, Restoring, Checking, Maintaining, Waiting.</summary>
    public required string Phase { get; init; }

    public long ItemsDone { get; init; }

    public long? ItemsTotal { get; init; }

    public long BytesDone { get; init; }

    public long? BytesTotal { get; init; }

    public DateTimeOffset Time { get; init; }

    public int? EtaSeconds { get; init; }

    /// <summary>What a person must do meanwhile, such as picking photos behind a link.</summary>
    public RunAction? Action { get; init; }

    public string ToLine() => JsonSerializer.Serialize(this, ContractJson.Default.RunProgress);

    /// <summary>The progress in a line of a pod's log; null for any other line.</summary>
    public static RunProgress? TryParseLine(string line)
    {
        if (!line.StartsWith("{\"progress\":", StringComparison.Ordinal))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(line, ContractJson.Default.RunProgress);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
