using Kloset.Envelopes;
using Kloset.Msgpack;
using Kloset.Repositories;

namespace Kloset.Locks;

internal sealed record LockRecord(uint Version, Timestamp Timestamp, string HostName, bool Exclusive)
{
    public const uint CurrentVersion = 0x00010000;
}

/// <summary>Stored locks. Source: format document, section 14.</summary>
internal static class LockCodec
{
    public const string Prefix = "locks/";

    private const int MaxClear = 1 << 20;

    private static readonly byte[][] Fields = FieldNames.Of("version", "timestamp", "hostname", "exclusive");

    public static string KeyOf(in Mac id) => Prefix + id.ToString();

    public static PooledBuffer Seal(BlobCodec codec, LockRecord record)
    {
        var writer = new MsgpackWriter(128);
        writer.MapHeader(4);
        writer.Key("version"u8);
        writer.UInt32(record.Version);
        writer.Key("timestamp"u8);
        writer.Time(record.Timestamp);
        writer.Key("hostname"u8);
        writer.String(record.HostName);
        writer.Key("exclusive"u8);
        writer.Bool(record.Exclusive);
        var resource = new PooledBuffer(512);
        StorageEnvelope.WriteHeader(resource.GetSpan(StorageEnvelope.HeaderSize), ResourceType.Lock, LockRecord.CurrentVersion);
        resource.Advance(StorageEnvelope.HeaderSize);
        codec.Encode(writer.Written, resource);
        var tag = codec.ComputeMac(resource.Span);
        resource.Write(Mac.BytesOf(in tag));
        return resource;
    }

    /// <exception cref="MalformedException">Other clients refuse to work while such a lock is there.</exception>
    public static LockRecord Open(BlobCodec codec, ReadOnlySpan<byte> resource)
    {
        StorageEnvelope.ReadHeader(resource, ResourceType.Lock, LockRecord.CurrentVersion);
        if (codec.ComputeMac(resource[..^StorageEnvelope.TagSize]) != new Mac(resource[^StorageEnvelope.TagSize..]))
            throw new MalformedException("its content does not match its tag");
        using var clear = new PooledBuffer(256);
        codec.Decode(StorageEnvelope.Payload(resource), clear, MaxClear);
        var reader = new MsgpackReader(clear.Span);
        uint version = 0;
        var timestamp = Timestamp.GoZero;
        var hostName = "";
        var exclusive = false;
        var cursor = reader.BeginStruct(Fields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    version = reader.ReadUInt32();
                    break;
                case 1:
                    timestamp = reader.ReadTime();
                    break;
                case 2:
                    hostName = reader.ReadString();
                    break;
                default:
                    exclusive = reader.ReadBool();
                    break;
            }
        }

        reader.ExpectEnd();
        return new LockRecord(version, timestamp, hostName, exclusive);
    }
}
