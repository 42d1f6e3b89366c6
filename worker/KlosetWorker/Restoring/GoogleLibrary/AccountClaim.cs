using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kloset.Repositories;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>
/// One restore at a time writes into an account: Google refuses writes that overlap, and two restores would share one budget without knowing. The claim
/// lies in the repository, says until when it holds, and is taken over by the same restore at once, by others after it ran out.
/// </summary>
internal sealed class AccountClaim : IAsyncDisposable
{
    private static readonly TimeSpan Validity = TimeSpan.FromMinutes(15);

    private readonly SealedObjects _objects;
    private readonly TimeProvider _time;
    private readonly string _key;
    private readonly string _restoreId;
    private DateTimeOffset _until;

    private AccountClaim(SealedObjects objects, TimeProvider time, string key, string restoreId) => (_objects, _time, _key, _restoreId) = (objects, time, key, restoreId);

    /// <exception cref="WorkerException">Another restore has it.</exception>
    public static async Task<AccountClaim> TakeAsync(SealedObjects objects, TimeProvider time, string account, string restoreId, CancellationToken cancellationToken)
    {
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(account.Trim().ToLowerInvariant())).AsSpan(0, 12));
        var claim = new AccountClaim(objects, time, $"restore-accounts/{name}", restoreId);
        if (await objects.PutIfAbsentAsync(claim._key, claim.Content(), cancellationToken))
        {
            return claim;
        }

        var present = await objects.FindAsync(claim._key, cancellationToken) is { } bytes ? JsonSerializer.Deserialize(bytes, ClaimJson.Default.Claim) : null;
        if (present is not null && present.RestoreId != restoreId && present.Until > time.GetUtcNow())
        {
            throw new WorkerException(GoogleErrorCatalogue.ConcurrentWrites, $"Another restore writes into {account}; its claim ends at {Text.Time(present.Until)} unless it is renewed.")
            {
                ResumeAfter = present.Until,
            };
        }

        await objects.PutAsync(claim._key, claim.Content(), cancellationToken);
        return claim;
    }

    public async Task RenewAsync(CancellationToken cancellationToken)
    {
        if (_until - _time.GetUtcNow() < Validity * 0.6)
        {
            await _objects.PutAsync(_key, Content(), cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20), _time);
        try
        {
            await _objects.DeleteAsync(_key, limit.Token);
        }
        catch (Exception exception) when (exception is Kloset.Storage.StoreException or OperationCanceledException)
        {
            // It ends by itself.
        }
    }

    private byte[] Content()
    {
        _until = _time.GetUtcNow() + Validity;
        return JsonSerializer.SerializeToUtf8Bytes(new Claim(_restoreId, _until), ClaimJson.Default.Claim);
    }
}

internal sealed record Claim(string RestoreId, DateTimeOffset Until);

[System.Text.Json.Serialization.JsonSerializable(typeof(Claim))]
internal sealed partial class ClaimJson : System.Text.Json.Serialization.JsonSerializerContext;
