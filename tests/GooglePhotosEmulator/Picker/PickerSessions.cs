using System.Collections.Concurrent;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;

namespace GooglePhotosEmulator.Picker;

/// <summary>One request to a person to pick photos.</summary>
public sealed class PickerSession
{
    internal PickerSession(string id, UserAccount user, string clientId, DateTimeOffset created, DateTimeOffset expires, DateTimeOffset pollUntil, int maxItems)
    {
        Id = id;
        User = user;
        ClientId = clientId;
        Created = created;
        Expires = expires;
        PollUntil = pollUntil;
        MaxItems = maxItems;
    }

    public string Id { get; }

    public UserAccount User { get; }

    public string ClientId { get; }

    public DateTimeOffset Created { get; }

    public DateTimeOffset Expires { get; }

    /// <summary>When a client should stop to ask.</summary>
    public DateTimeOffset PollUntil { get; }

    public int MaxItems { get; }

    /// <summary>What was picked; null until Done was pressed.</summary>
    public IReadOnlyList<MediaItem>? Picked { get; internal set; }

    internal bool Deleted { get; set; }
}

/// <summary>Picker sessions, and the hand of the person who picks.</summary>
public sealed class PickerSessions
{
    internal const int Cap = 2000;

    private readonly ConcurrentDictionary<string, PickerSession> _sessions = new(StringComparer.Ordinal);
    private readonly TokenMint _mint;
    private readonly TimeProvider _time;
    private readonly EmulatorOptions _options;

    internal PickerSessions(TokenMint mint, TimeProvider time, EmulatorOptions options)
    {
        _mint = mint;
        _time = time;
        _options = options;
    }

    /// <summary>Sessions that are still there, oldest first.</summary>
    public IReadOnlyList<PickerSession> Open => [.. _sessions.Values.Where(IsAlive).OrderBy(session => session.Created)];

    /// <summary>The person picks and presses Done; after that the page is dead.</summary>
    /// <returns>False when there is nothing to pick for: no such session, or done already.</returns>
    public bool Pick(string sessionId, IEnumerable<MediaItem> items)
    {
        if (Find(sessionId) is not { Picked: null } session)
        {
            return false;
        }

        session.Picked = [.. items.DistinctBy(item => item.Id).Take(session.MaxItems)];
        return true;
    }

    internal PickerSession? Create(UserAccount user, string clientId, int maxItems)
    {
        if (_sessions.Values.Count(session => session.User == user && IsAlive(session)) >= _options.Quotas.PickerSessionsPerUser)
        {
            return null;
        }

        var now = _time.GetUtcNow();
        var session = new PickerSession(_mint.Opaque("session", 40), user, clientId, now, now + _options.PickerSessionLifetime, now + _options.PickerPollFor, maxItems);
        _sessions[session.Id] = session;
        return session;
    }

    internal PickerSession? Find(string id) => _sessions.TryGetValue(id, out var session) && IsAlive(session) ? session : null;

    internal bool IsOpen(string id) => Find(id) is not null;

    private bool IsAlive(PickerSession session) => !session.Deleted && _time.GetUtcNow() < session.Expires;
}
