using GooglePhotos.Drive;
using KlosetWorker.Contract;
using KlosetWorker.Output;

namespace KlosetWorker.GoogleAccounts;

/// <summary>Whether the next export still fits into the Drive. Google drops an export that does not, and tells it only by mail.</summary>
internal static class DriveSpace
{
    public static async Task<RunAction?> LookAsync(DriveTakeoutStorage drive, ExportsSummary? exports, CancellationToken cancellationToken)
    {
        // Only the owner's own sign-in sees the owner's room; a service account would see its own.
        var (who, room) = await drive.AboutAsync(cancellationToken);
        return who?.EmailAddress is { } reader && drive.Owners.FirstOrDefault() is { } owner && string.Equals(reader, owner, StringComparison.OrdinalIgnoreCase)
            ? Decide(room, exports, drive.SizeOf)
            : null;
    }

    /// <param name="sizeOf">Bytes of an archive that lies in the Drive.</param>
    public static RunAction? Decide(DriveRoom? room, ExportsSummary? exports, Func<string, long?> sizeOf)
    {
        if (room?.Free is not { } free || exports is null)
        {
            return null;
        }

        // An export is about as large as the one before it: what lies there of taken ones is the best guess that there is.
        var taken = (exports.SafeToDelete ?? []).Select(sizeOf).OfType<long>().ToArray();
        var held = taken.Sum();
        return held > 0 && free < held
            ? new(
                "FreeDriveSpace",
                $"The Drive has {Text.Bytes(free)} left, and the exports that are saved already hold {Text.Bytes(held)}: delete {Text.Count(taken.Length, "archive")} of them, or the next export will not fit.",
                "https://drive.google.com/drive/quota")
            : null;
    }
}
