using KlosetOperator.Api;

namespace KlosetOperator.Admission;

/// <summary>Who asks, or holds: an object by kind, namespace and name.</summary>
internal readonly record struct Claimant(string Kind, string Namespace, string Name) : IComparable<Claimant>
{
    public int CompareTo(Claimant other) => string.CompareOrdinal($"{Namespace}/{Name}/{Kind}", $"{other.Namespace}/{other.Name}/{other.Kind}");

    public static bool operator <(Claimant left, Claimant right) => left.CompareTo(right) < 0;

    public static bool operator <=(Claimant left, Claimant right) => left.CompareTo(right) <= 0;

    public static bool operator >(Claimant left, Claimant right) => left.CompareTo(right) > 0;

    public static bool operator >=(Claimant left, Claimant right) => left.CompareTo(right) >= 0;
}

/// <summary>What a Job takes while it runs.</summary>
/// <param name="Repository">`namespace/name`.</param>
/// <param name="Account">The account's key within the repository; null for Jobs of the repository itself. One Job at a time.</param>
/// <param name="QuotaGroup">Jobs that share a quota of Google's; a pause holds back all of them.</param>
/// <param name="Exclusive">The Job wants the repository for itself.</param>
internal sealed record AdmissionTicket(string Repository, string? Account, string? QuotaGroup, bool Exclusive);

/// <param name="Job">`namespace/name` of the Job to be.</param>
/// <param name="Due">Since when it waits; the oldest goes first.</param>
/// <param name="FirstBackup">First backups take days, so increments go before them.</param>
/// <param name="MaxJobs">Jobs that the repository allows at the same time.</param>
internal sealed record AdmissionRequest(Claimant Claimant, string Job, AdmissionTicket Ticket, DateTimeOffset Due, bool FirstBackup, int MaxJobs);

/// <summary>Closed: <see cref="Admitted"/>, <see cref="Refused"/>.</summary>
internal abstract record AdmissionAnswer
{
    private AdmissionAnswer()
    {
    }

    public sealed record Admitted : AdmissionAnswer
    {
        public static readonly Admitted Instance = new();
    }

    /// <param name="Reason">WaitingForSlot, WaitingForAccount, WaitingForMaintenance or WaitingForQuota.</param>
    /// <param name="Until">When asking again makes sense, if that is known.</param>
    public sealed record Refused(string Reason, string Message, DateTimeOffset? Until = null) : AdmissionAnswer;
}

/// <summary>
/// Who may start a Job now: limits per repository, per account, per quota group and for all. It decides and reserves in one
/// step, so that two workers of the operator cannot both take the last slot; it is rebuilt from the Jobs at start. Who waits
/// longer goes first, increments before first backups, exclusive Jobs before everything on their repository.
/// </summary>
internal sealed class AdmissionLedger(int mostJobs)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, AdmissionTicket> _held = [];
    private readonly Dictionary<Claimant, AdmissionRequest> _waiting = [];
    private readonly Dictionary<string, DateTimeOffset> _quotaPauses = [];

    /// <summary>Called, outside the lock, with claimants that may be admitted now.</summary>
    public event Action<IReadOnlyList<Claimant>>? Freed;

    public int Held
    {
        get
        {
            lock (_lock)
            {
                return _held.Count;
            }
        }
    }

    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    public AdmissionAnswer TryAdmit(AdmissionRequest request, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_held.ContainsKey(request.Job))
            {
                _waiting.Remove(request.Claimant);
                return AdmissionAnswer.Admitted.Instance;
            }

            _waiting[request.Claimant] = request;
            var answer = Simulate(now).First(entry => entry.Request.Claimant == request.Claimant).Answer;
            if (answer is AdmissionAnswer.Admitted)
            {
                _waiting.Remove(request.Claimant);
                _held[request.Job] = request.Ticket;
            }

            return answer;
        }
    }

    /// <summary>A Job is there and active: it holds, whoever admitted it.</summary>
    public void Hold(string job, AdmissionTicket ticket)
    {
        lock (_lock)
        {
            _held[job] = ticket;
        }
    }

    /// <summary>A Job has ended, or was never made.</summary>
    public void Release(string job, DateTimeOffset now)
    {
        IReadOnlyList<Claimant> free;
        lock (_lock)
        {
            if (!_held.Remove(job))
            {
                return;
            }

            free = Admissible(now);
        }

        Wake(free);
    }

    /// <summary>The claimant does not want to start any more: suspended, deleted, stalled, or waiting for something else.</summary>
    public void Withdraw(Claimant claimant, DateTimeOffset now)
    {
        IReadOnlyList<Claimant> free;
        lock (_lock)
        {
            if (!_waiting.Remove(claimant))
            {
                return;
            }

            free = Admissible(now);
        }

        Wake(free);
    }

    public void PauseQuota(string group, DateTimeOffset until)
    {
        lock (_lock)
        {
            if (!_quotaPauses.TryGetValue(group, out var before) || before < until)
            {
                _quotaPauses[group] = until;
            }
        }
    }

    private void Wake(IReadOnlyList<Claimant> claimants)
    {
        if (claimants.Count > 0)
        {
            Freed?.Invoke(claimants);
        }
    }

    private List<Claimant> Admissible(DateTimeOffset now) =>
        [.. Simulate(now).Where(entry => entry.Answer is AdmissionAnswer.Admitted).Select(entry => entry.Request.Claimant)];

    /// <summary>Lets everybody who waits in, in order, as far as there is room: what is left for the one who asks is what the ones before it leave.</summary>
    private List<(AdmissionRequest Request, AdmissionAnswer Answer)> Simulate(DateTimeOffset now)
    {
        var taken = _held.Values.ToList();
        var reserved = new HashSet<string>(); // repositories for which an exclusive Job waits
        var answers = new List<(AdmissionRequest, AdmissionAnswer)>();
        foreach (var request in _waiting.Values
            .OrderByDescending(request => request.Ticket.Exclusive)
            .ThenBy(request => request.FirstBackup)
            .ThenBy(request => request.Due)
            .ThenBy(request => request.Claimant))
        {
            var answer = Judge(request, taken, reserved, now);
            if (answer is AdmissionAnswer.Admitted)
            {
                taken.Add(request.Ticket);
            }
            else if (request.Ticket.Exclusive)
            {
                reserved.Add(request.Ticket.Repository);
            }

            answers.Add((request, answer));
        }

        return answers;
    }

    private AdmissionAnswer Judge(AdmissionRequest request, List<AdmissionTicket> taken, HashSet<string> reserved, DateTimeOffset now)
    {
        var ticket = request.Ticket;
        var onRepository = taken.Where(other => other.Repository == ticket.Repository).ToList();
        if (ticket.QuotaGroup is { } group && _quotaPauses.TryGetValue(group, out var until) && now < until)
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForQuota, $"The quota group '{group}' is used up until {Runs.Messages.Time(until)}.", until);
        }

        if (ticket.Account is { } account && onRepository.Any(other => other.Account == account))
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForAccount, "Another Job works for the same account.");
        }

        if (reserved.Contains(ticket.Repository) || onRepository.Any(other => other.Exclusive))
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForMaintenance, "Maintenance has, or waits to have, the repository for itself.");
        }

        if (ticket.Exclusive && onRepository.Count > 0)
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForSlot, "Waits until the Jobs on the repository have ended.");
        }

        if (onRepository.Count >= request.MaxJobs)
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForSlot, $"The repository allows {request.MaxJobs} Jobs at the same time.");
        }

        return taken.Count >= mostJobs
            ? new AdmissionAnswer.Refused(Reasons.WaitingForSlot, $"The operator allows {mostJobs} Jobs at the same time.")
            : AdmissionAnswer.Admitted.Instance;
    }
}
