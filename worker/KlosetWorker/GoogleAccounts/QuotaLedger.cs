using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using GooglePhotos.Credentials;
using GooglePhotos.Services;
using Kloset.Repositories;
using Kloset.Storage;

namespace KlosetWorker.GoogleAccounts;

/// <summary>
/// What was taken of a Google Cloud project's quota, below `kloset-operator/quota/PROJECT/QUOTA/DAY/`. Each portion is an object of its own whose name says
/// how large it is: a listing is the sum, nothing is ever read and written back, and whoever dies in between leaves a portion too many, not one too few.
/// </summary>
/// <param name="quota">Which of the project's quotas: a word of the path.</param>
internal sealed class QuotaLedger(SealedObjects objects, GoogleCredentialFile signIn, string quota) : IQuotaLedger
{
    /// <summary>All requests of the Library API but loads of base URLs.</summary>
    public const string LibraryRequests = "library-requests";

    /// <summary>MiB out of Drive.</summary>
    public const string DriveMebibytes = "drive-mebibytes";

    /// <summary>Loads of base URLs.</summary>
    public const string LibraryMedia = "library-media";

    private readonly string _prefix = $"quota/{ProjectOf(signIn)}/{quota}/";
    private readonly HashSet<string> _own = new(StringComparer.Ordinal);
    private bool _tidied;

    public async Task<long> TakenAsync(DateOnly day, CancellationToken cancellationToken)
    {
        var today = Text(day);
        var taken = 0L;
        foreach (var key in await objects.ListAsync(_prefix, cancellationToken))
        {
            if (key[_prefix.Length..].Split('/') is [var when, var portion] && when == today)
            {
                taken += SizeOf(portion);
            }
            else if (!_tidied && string.CompareOrdinal(key[_prefix.Length..], today) < 0)
            {
                await DeleteAsync(key, cancellationToken);
            }
        }

        _tidied = true;
        return taken;
    }

    public async Task<long> TakeAsync(DateOnly day, long requests, CancellationToken cancellationToken)
    {
        await WriteAsync(day, requests, cancellationToken);
        return await TakenAsync(day, cancellationToken);
    }

    public async Task ReturnAsync(DateOnly day, long requests, CancellationToken cancellationToken)
    {
        // The smaller portion is there before the larger one goes: in between too much is taken, never too little.
        var today = _prefix + Text(day) + "/";
        if (_own.LastOrDefault(key => key.StartsWith(today, StringComparison.Ordinal) && SizeOf(key[today.Length..]) >= requests) is not { } larger)
        {
            return;
        }

        try
        {
            if (SizeOf(larger[today.Length..]) - requests is > 0 and var rest)
            {
                await WriteAsync(day, rest, cancellationToken);
            }
        }
        catch (StoreException)
        {
            return; // what was done is done; the portion counts until its day is over
        }

        await DeleteAsync(larger, cancellationToken);
    }

    /// <summary>Clients of one project begin with its number, and service accounts of one project end with its name.</summary>
    private static string ProjectOf(GoogleCredentialFile signIn)
    {
        var (name, separator) = signIn switch
        {
            AuthorizedUserFile person => (person.ClientId, '-'),
            ServiceAccountFile account => (account.Email, '@'),
            ExternalAccountFile external => (external.ServiceAccount ?? external.Audience, '@'),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        var at = name.IndexOf(separator, StringComparison.Ordinal);
        var project = separator == '@' ? name[(at + 1)..]
            : at > 0 && !name.AsSpan(0, at).ContainsAnyExceptInRange('0', '9') ? name[..at]
            : name;
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(project)).AsSpan(0, 12));
    }

    private async Task WriteAsync(DateOnly day, long requests, CancellationToken cancellationToken)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"{_prefix}{Text(day)}/{requests:D6}-{Guid.CreateVersion7():n}");
        await objects.PutAsync(key, default, cancellationToken);
        _own.Add(key);
    }

    private async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            await objects.DeleteAsync(key, cancellationToken);
            _own.Remove(key);
        }
        catch (StoreException)
        {
            // It counts until its day is over.
        }
    }

    private static long SizeOf(string portion) =>
        portion.IndexOf('-', StringComparison.Ordinal) is > 0 and var dash && long.TryParse(portion.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : 0;

    private static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
