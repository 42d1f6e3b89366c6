using System.Globalization;
using KlosetOperator.Runs;
using KlosetOperator.Schedules;
using KlosetWorker.Contract;

namespace KlosetOperator.Jobs;

/// <summary>One run that is wanted.</summary>
/// <param name="Slot">The occurrence of the schedule that it fills, or the time of the request.</param>
/// <param name="Attempt">From 1.</param>
/// <param name="Due">Since when it is wanted.</param>
internal sealed record RunOrder(RunKind Kind, DateTimeOffset Slot, int Attempt, DateTimeOffset Due)
{
    /// <summary>Counts the object's runs; not part of the run's identity, which is (object, slot, attempt).</summary>
    public long Sequence { get; init; }

    /// <summary>The value of `kloset.dev/run`, when that asked for the run.</summary>
    public string? Request { get; init; }

    /// <summary>The run to look up, for an inspection.</summary>
    public string? LostRunId { get; init; }

    /// <summary>Whether nothing of the account is in the repository yet.</summary>
    public bool IsFirst { get; init; }

    /// <summary>The same for the same (object, slot, attempt), so that a second creation meets the first one.</summary>
    public string RunId(string uid) => $"{uid}-{StableHash.Short($"{uid}/{Key}")}";

    /// <summary>`phb-alice-x2v…`; at most 63 characters, as the Job's name becomes a label of its pods.</summary>
    public string JobName(string prefix, string name, string uid)
    {
        var part = name.Length <= 40 ? name : name[..40].TrimEnd('-', '.');
        return $"{prefix}-{part.Replace('.', '-')}-{StableHash.Short($"{uid}/{Key}")}";
    }

    private string Key => string.Create(
        CultureInfo.InvariantCulture,
        $"{RunHistory.KindName(Kind)}/{(Request is { } request && Attempt == 1 ? "request:" + request : Slot.ToUnixTimeSeconds())}/{LostRunId}/{Attempt}");
}
