using System.Buffers.Binary;

namespace Kloset.Envelopes;

internal enum ResourceType : uint
{
    Configuration = 1,
    Lock = 2,
    State = 3,
    Packfile = 4,
}

/// <summary>The frame around every stored resource: magic, type, version; payload; tag. Source: format document, section 3.</summary>
internal static class StorageEnvelope
{
    public const int HeaderSize = 16;
    public const int TagSize = Mac.Size;

    private static ReadOnlySpan<byte> Magic => "_KLOSET_"u8;

    private static ReadOnlySpan<byte> OlderMagic => "_PLAKAR_"u8;

    public static void WriteHeader(Span<byte> destination, ResourceType type, uint version)
    {
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], (uint)type);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], version);
    }

    /// <summary>Checks magic, type and version; the tag is the caller's.</summary>
    /// <returns>The resource's version.</returns>
    public static uint ReadHeader(ReadOnlySpan<byte> resource, ResourceType type, uint newestVersion)
    {
        if (resource.Length < HeaderSize + TagSize)
            throw new MalformedException($"{resource.Length} bytes are too few for a stored resource");
        return ReadBareHeader(resource, type, newestVersion);
    }

    /// <summary>As <see cref="ReadHeader"/>, on the first 16 bytes alone.</summary>
    public static uint ReadBareHeader(ReadOnlySpan<byte> header, ResourceType type, uint newestVersion)
    {
        if (!header[..8].SequenceEqual(Magic) && !header[..8].SequenceEqual(OlderMagic))
            throw new MalformedException("it does not start with _KLOSET_");
        var found = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (found != (uint)type)
            throw new MalformedException($"it is a resource of type {found}, not {(uint)type} ({type})");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        if (version > newestVersion)
            throw new MalformedException($"its version {FormatVersion(version)} is newer than {FormatVersion(newestVersion)}, the newest that is known");
        return version;
    }

    public static ReadOnlySpan<byte> Payload(ReadOnlySpan<byte> resource) => resource[HeaderSize..^TagSize];

    public static string FormatVersion(uint version) => $"{version >> 16}.{(version >> 8) & 0xFF}.{version & 0xFF}";
}
