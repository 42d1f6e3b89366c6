using System.Security.Cryptography;
using System.Text;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using KlosetWorker.Backups;

namespace KlosetWorker.Takeout;

/// <summary>What lies at all the locations of an account, listed and sorted into exports. Nothing is opened.</summary>
internal sealed record TakeoutLocations(IReadOnlyList<(ITakeoutStorage Storage, TakeoutListing Listing)> All)
{
    /// <summary>
    /// Digest of the whole listing and of what a person accepted as missing. When it is the one that the newest snapshot has ingested,
    /// there is nothing to do: an idle night costs a listing and no key derivation.
    /// </summary>
    public string Digest(IEnumerable<string> acceptedGaps)
    {
        var text = string.Join('\n', All.Select(location => location.Listing.Digest).Concat(acceptedGaps.Order(StringComparer.Ordinal).Select(gap => "accepted " + gap)));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));
    }

    /// <summary>Oldest first; exports without a time come last.</summary>
    public IEnumerable<(ITakeoutStorage Storage, TakeoutSet Set)> Sets => All
        .SelectMany(location => location.Listing.Sets.Select(set => (location.Storage, Set: set)))
        .OrderBy(pair => pair.Set.Timestamp ?? DateTimeOffset.MaxValue)
        .ThenBy(pair => pair.Set.Name, StringComparer.Ordinal);

    public IEnumerable<TakeoutFinding> Findings => All.SelectMany(location => location.Listing.Findings);

    public static async Task<TakeoutLocations> ListAsync(TakeoutSource source, CancellationToken cancellationToken)
    {
        var all = new List<(ITakeoutStorage, TakeoutListing)>();
        foreach (var storage in source.Locations)
        {
            all.Add((storage, await TakeoutListing.ReadAsync(storage, cancellationToken)));
        }

        return new(all);
    }
}
