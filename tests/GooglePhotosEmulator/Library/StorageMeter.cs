using GooglePhotosEmulator.Drive;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Library;

/// <summary>Photos and Drive share a person's storage.</summary>
internal sealed class StorageMeter(DriveStore drive)
{
    public long Used(UserAccount user) => user.Library.Bytes + drive.BytesOwnedBy(user.Email);

    public bool HasRoomFor(UserAccount user, long bytes) => user.StorageLimit is not { } limit || Used(user) + bytes <= limit;
}
