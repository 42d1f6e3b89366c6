using System.Net;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Quotas;

namespace GooglePhotosEmulator;

/// <summary>What a test or a person chooses before the emulator starts. The defaults are Google's own rules.</summary>
public sealed record EmulatorOptions
{
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>Clock of tokens, quotas, baseUrls, sessions and videos.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The same seed makes the same ids and tokens in the same order.</summary>
    public string Seed { get; init; } = "1";

    public QuotaLimits Quotas { get; init; } = QuotaLimits.Google;

    public FaultScript Faults { get; init; } = new();

    /// <summary>
    /// Open mode: a client or token that is not known counts as the default client and its first person, and scopes that died in 2025 as
    /// those that have replaced them. For programs that bring a client of their own, such as an old rclone.
    /// </summary>
    public bool AdoptUnknown { get; init; }

    /// <summary>How long a video is PROCESSING after its upload.</summary>
    public TimeSpan VideoProcessing { get; init; } = TimeSpan.Zero;

    public TimeSpan BaseUrlLifetime { get; init; } = TimeSpan.FromMinutes(60);

    /// <summary>Chunks of a resumable upload, but for the last one, are multiples of this many bytes.</summary>
    public int UploadGranularity { get; init; } = 256 * 1024;

    public int MaxItemsInAlbum { get; init; } = 20_000;

    public long MaxPhotoBytes { get; init; } = 200L << 20;

    public long MaxVideoBytes { get; init; } = 20L << 30;

    /// <summary>
    /// Whether bytes that somebody else brought into the library become visible to a client that sends them again. Nobody knows what Google
    /// does since 2025; the default is the worse case: the client gets an id that it may not read.
    /// </summary>
    public bool MergedItemsAreVisible { get; init; }

    /// <summary>False answers 200 also when some items of a batchCreate failed, which was seen.</summary>
    public bool PartialFailureIs207 { get; init; } = true;

    /// <summary>A full account fails the whole batchCreate instead of the items that do not fit.</summary>
    public bool StorageFullFailsTheRequest { get; init; }

    public TimeSpan PickerSessionLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long a client is to ask whether something was picked (<c>timeoutIn</c>).</summary>
    public TimeSpan PickerPollFor { get; init; } = TimeSpan.FromMinutes(30);

    public TimeSpan PickerPollInterval { get; init; } = TimeSpan.FromSeconds(5);
}
