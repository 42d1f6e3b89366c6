using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kloset.Repositories;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>
/// One restore at a time writes into an account: Google refuses writes that overlap, and two restores would share one budget without knowing. Each restore
/// has a claim of its own in the repository, which says until when it holds. Whoever claims writes first and looks then: of two that come at the same moment
/// at least one sees the other, and gives way. Nothing is taken over, so that nothing can be taken over twice: a claim that ran out counts for nothing, and
/// the one who held it finds out at its next renewal. Processes of the same restore do not mind one another's claims, and take none away: the journal tells
/// those apart.
/// </summary>
internal sealed class AccountClaim : IAsyncDisposable
{
    private static readonly TimeSpan Validity = TimeSpan.FromMinutes(15);

    private readonly SealedObjects _objects;
    private readonly TimeProvider _time;
    private readonly string _account;
    private readonly string _folder;
    private readonly string _key;
    private readonly string _restoreId;
    private DateTimeOffset _until;

    private AccountClaim(SealedObjects objects, TimeProvider time, string account, string restoreId)
    {
        (_objects, _time, _account, _restoreId) = (objects, time, account, restoreId);
        _folder = $"restore-accounts/{Hash(account.Trim().ToLowerInvariant())}/";
        _key = _folder + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));
    }

    /// <exception cref="WorkerException">Another restore has it.</exception>
    public static async Task<AccountClaim> TakeAsync(SealedObjects objects, TimeProvider time, string account, string restoreId, CancellationToken cancellationToken)
    {
        var claim = new AccountClaim(objects, time, account, restoreId);
        await claim.WriteAsync(cancellationToken);
        return claim;
    }

    /// <exception cref="WorkerException">It ran out, and another restore has the account now.</exception>
    public async Task RenewAsync(CancellationToken cancellationToken)
    {
        if (_until - _time.GetUtcNow() < Validity * 0.6)
        {
            await WriteAsync(cancellationToken);
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

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        var until = _time.GetUtcNow() + Validity;
        await _objects.PutAsync(_key, JsonSerializer.SerializeToUtf8Bytes(new Claim(_restoreId, until), ClaimJson.Default.Claim), cancellationToken);
        foreach (var key in await _objects.ListAsync(_folder, cancellationToken))
        {
            if (key == _key || await _objects.FindAsync(key, cancellationToken) is not { } bytes)
            {
                continue;
            }

            if (JsonSerializer.Deserialize(bytes, ClaimJson.Default.Claim) is { } other && other.Until > _time.GetUtcNow())
            {
                if (other.RestoreId == _restoreId)
                {
                    continue;
                }

                await DisposeAsync();
                throw new WorkerException(GoogleErrorCatalogue.ConcurrentWrites, $"Another restore writes into {_account}; its claim ends at {Text.Time(other.Until)} unless it is renewed.")
                {
                    ResumeAfter = other.Until,
                };
            }

            await _objects.DeleteAsync(key, cancellationToken);
        }

        _until = until;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 12));
}

internal sealed record Claim(string RestoreId, DateTimeOffset Until);

[System.Text.Json.Serialization.JsonSerializable(typeof(Claim))]
internal sealed partial class ClaimJson : System.Text.Json.Serialization.JsonSerializerContext;
