using KlosetOperator.Api;

namespace KlosetOperator.Admission;

/// <summary>Who asks, or holds: an object by kind, namespace and name.</summary>
internal readonly record struct Claimant(string Kind, string Namespace, string Name) : IComparable<Claimant>
{
    public int CompareTo(Claimant other) =>
        string.CompareOrdinal(Namespace, other.Namespace) is not 0 and var spaces ? spaces
        : string.CompareOrdinal(Name, other.Name) is not 0 and var names ? names
        : string.CompareOrdinal(Kind, other.Kind);

    public static bool operator <(Claimant left, Claimant right) => left.CompareTo(right) < 0;

    public static bool operator <=(Claimant left, Claimant right) => left.CompareTo(right) <= 0;

    public static bool operator >(Claimant left, Claimant right) => left.CompareTo(right) > 0;

    public static bool operator >=(Claimant left, Claimant right) => left.CompareTo(right) >= 0;
}

/// <summary>What a Job takes while it runs.</summary>
/// <param name="Repository">`namespace/name`.</param>
/// <param name="Account">The account's key, unique over all repositories; null for Jobs of the repository itself. One Job at a time.</param>
/// <param name="QuotaGroup">Jobs that share a quota of Google's; a pause holds back all of them.</param>
/// <param name="Exclusive">The Job wants the repository for itself.</param>
internal sealed record AdmissionTicket(string Repository, string? Account, string? QuotaGroup, bool Exclusive)
{
    /// <summary>The Job is suspended and has no pod: it keeps its account, and leaves the room to others.</summary>
    public bool IsParked { get; init; }
}

/// <param name="Job">`namespace/name` of the Job to be.</param>
/// <param name="Due">Since when it waits; the oldest goes first.</param>
/// <param name="FirstBackup">First backups take days, so increments go before them.</param>
/// <param name="MaxJobs">Jobs that the repository allows at the same time.</param>
internal sealed record AdmissionRequest(Claimant Claimant, string Job, AdmissionTicket Ticket, DateTimeOffset Due, bool FirstBackup, int MaxJobs)
{
    /// <summary>The Job is parked and wants to go on: of two that are parked for one account, one must be able to.</summary>
    public bool IsResumed { get; init; }
}

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
    /// <summary>Far longer than a healthy watch lags.</summary>
    public static readonly TimeSpan UnseenFor = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, AdmissionTicket> _held = [];
    private readonly Occupancy _taken = new();
    private readonly Dictionary<Claimant, AdmissionRequest> _waiting = [];

    /// <summary>The same, in the order in which they go: thousands wait after an outage, and each asks again and again.</summary>
    private readonly SortedSet<AdmissionRequest> _line = new(Comparer<AdmissionRequest>.Create(Precedence));
    private readonly Dictionary<string, DateTimeOffset> _quotaPauses = [];

    /// <summary>
    /// Jobs that were admitted and not seen yet, and until when they are believed in: whether one was made is not always answered, and it
    /// may come and go while nobody watches.
    /// </summary>
    private readonly Dictionary<string, DateTimeOffset> _unseen = [];

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

    /// <summary>Also for a Job that is parked and wants to go on.</summary>
    public AdmissionAnswer TryAdmit(AdmissionRequest request, DateTimeOffset now)
    {
        lock (_lock)
        {
            foreach (var job in _unseen.Where(entry => entry.Value <= now || entry.Value - now > UnseenFor).Select(entry => entry.Key).ToArray())
            {
                _unseen.Remove(job);
                Put(job, null);
            }

            if (_held.TryGetValue(request.Job, out var mine) && !mine.IsParked)
            {
                Leave(request.Claimant);
                return AdmissionAnswer.Admitted.Instance;
            }

            Put(request.Job, null);
            request = Line(request);
            var answer = Ask(request, now);
            if (answer is AdmissionAnswer.Admitted)
            {
                Leave(request.Claimant);
                Put(request.Job, request.Ticket);
                _unseen[request.Job] = now + UnseenFor;
            }
            else
            {
                Put(request.Job, mine);
            }

            return answer;
        }
    }

    /// <summary>A Job is there and active: it holds, whoever admitted it. One that was just parked may let others in.</summary>
    public void Hold(string job, AdmissionTicket ticket, DateTimeOffset now)
    {
        IReadOnlyList<Claimant> free = [];
        lock (_lock)
        {
            _unseen.Remove(job);
            var parks = ticket.IsParked && _held.TryGetValue(job, out var before) && !before.IsParked;
            Put(job, ticket);
            if (parks)
            {
                free = Admissible(now);
            }
        }

        Wake(free);
    }

    /// <summary>A Job has ended, or was never made.</summary>
    public void Release(string job, DateTimeOffset now)
    {
        IReadOnlyList<Claimant> free;
        lock (_lock)
        {
            if (!_held.ContainsKey(job))
            {
                return;
            }

            _unseen.Remove(job);
            Put(job, null);
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
            if (!Leave(claimant))
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

    private void Put(string job, AdmissionTicket? ticket)
    {
        if (_held.Remove(job, out var before))
        {
            _taken.Remove(before);
        }

        if (ticket is not null)
        {
            _held.Add(job, ticket);
            _taken.Add(ticket);
        }
    }

    /// <summary>
    /// Who asks again keeps its place: what a person asked for is due now whenever it is looked at, and would fall behind everybody else
    /// with each look, until of more than there is room for nobody ever gets in.
    /// </summary>
    private AdmissionRequest Line(AdmissionRequest request)
    {
        if (_waiting.TryGetValue(request.Claimant, out var before) && before.Ticket == request.Ticket && before.Due < request.Due)
        {
            request = request with { Due = before.Due };
        }

        Leave(request.Claimant);
        _waiting.Add(request.Claimant, request);
        _line.Add(request);
        return request;
    }

    private bool Leave(Claimant claimant) => _waiting.Remove(claimant, out var request) && _line.Remove(request);

    private static int Precedence(AdmissionRequest left, AdmissionRequest right) =>
        right.Ticket.Exclusive.CompareTo(left.Ticket.Exclusive) is not 0 and var exclusive ? exclusive
        : left.FirstBackup.CompareTo(right.FirstBackup) is not 0 and var first ? first
        : left.Due.CompareTo(right.Due) is not 0 and var due ? due
        : left.Claimant.CompareTo(right.Claimant);

    /// <summary>What is left for the one who asks is what those before it in the line leave.</summary>
    private AdmissionAnswer Ask(AdmissionRequest request, DateTimeOffset now)
    {
        // What is refused already needs no look at the others.
        var alone = Judge(request, _taken, now);
        return alone is AdmissionAnswer.Refused ? alone : Walk(now, request).Answer!;
    }

    private List<Claimant> Admissible(DateTimeOffset now) => Walk(now, null).Admitted;

    /// <summary>Lets everybody who waits in, in order, as far as there is room, up to the one who asks.</summary>
    private (List<Claimant> Admitted, AdmissionAnswer? Answer) Walk(DateTimeOffset now, AdmissionRequest? asking)
    {
        var taken = new Occupancy(_taken);
        var admitted = new List<Claimant>();
        foreach (var request in _line)
        {
            var answer = Judge(request, taken, now);
            if (request == asking)
            {
                return (admitted, answer);
            }

            if (answer is AdmissionAnswer.Admitted)
            {
                taken.Add(request.Ticket);
                admitted.Add(request.Claimant);
            }
            else if (request.Ticket.Exclusive)
            {
                taken.Reserve(request.Ticket.Repository);
            }
            else if (asking is null && taken.Jobs >= mostJobs)
            {
                break; // nobody after this one gets in
            }
        }

        return (admitted, null);
    }

    private AdmissionAnswer Judge(AdmissionRequest request, Occupancy taken, DateTimeOffset now)
    {
        var ticket = request.Ticket;
        if (ticket.QuotaGroup is { } group && _quotaPauses.TryGetValue(group, out var until) && now < until)
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForQuota, $"The quota group '{group}' is used up until {Runs.Messages.Time(until)}.", until);
        }

        if (ticket.Account is { } account && taken.Serves(account, orKeeps: !request.IsResumed))
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForAccount, "Another Job works for the same account.");
        }

        if (taken.IsExclusive(ticket.Repository))
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForMaintenance, "Maintenance has, or waits to have, the repository for itself.");
        }

        var onRepository = taken.On(ticket.Repository);
        if (ticket.Exclusive && onRepository > 0)
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForSlot, "Waits until the Jobs on the repository have ended.");
        }

        if (onRepository >= request.MaxJobs)
        {
            return new AdmissionAnswer.Refused(Reasons.WaitingForSlot, $"The repository allows {request.MaxJobs} Jobs at the same time.");
        }

        return taken.Jobs >= mostJobs
            ? new AdmissionAnswer.Refused(Reasons.WaitingForSlot, $"The operator allows {mostJobs} Jobs at the same time.")
            : AdmissionAnswer.Admitted.Instance;
    }

    /// <summary>What is taken, counted. A copy is a draft over its original.</summary>
    private sealed class Occupancy(Occupancy? below = null)
    {
        private readonly Dictionary<string, int> _onRepository = [];
        private readonly Dictionary<string, int> _exclusive = [];
        private readonly Dictionary<string, int> _accounts = [];
        private readonly Dictionary<string, int> _parkedAccounts = [];
        private int _jobs;

        public int Jobs => _jobs + (below?.Jobs ?? 0);

        public int On(string repository) => _onRepository.GetValueOrDefault(repository) + (below?.On(repository) ?? 0);

        public bool IsExclusive(string repository) => _exclusive.ContainsKey(repository) || below?.IsExclusive(repository) == true;

        /// <param name="orKeeps">Parked Jobs count, too.</param>
        public bool Serves(string account, bool orKeeps) =>
            _accounts.ContainsKey(account) || (orKeeps && _parkedAccounts.ContainsKey(account)) || below?.Serves(account, orKeeps) == true;

        /// <summary>An exclusive Job waits: nobody else begins on its repository.</summary>
        public void Reserve(string repository) => Count(_exclusive, repository, 1);

        public void Add(AdmissionTicket ticket) => Change(ticket, 1);

        public void Remove(AdmissionTicket ticket) => Change(ticket, -1);

        private void Change(AdmissionTicket ticket, int by)
        {
            if (ticket.Account is { } account)
            {
                Count(ticket.IsParked ? _parkedAccounts : _accounts, account, by);
            }

            if (ticket.IsParked)
            {
                return;
            }

            _jobs += by;
            Count(_onRepository, ticket.Repository, by);
            if (ticket.Exclusive)
            {
                Count(_exclusive, ticket.Repository, by);
            }
        }

        private static void Count(Dictionary<string, int> counts, string key, int by)
        {
            if (counts.GetValueOrDefault(key) + by is not 0 and var count)
            {
                counts[key] = count;
            }
            else
            {
                counts.Remove(key);
            }
        }
    }
}
