using System.Text;
using System.Text.Json;
using GooglePhotos.Takeout.Metadata;
using GooglePhotos.Takeout.Sidecars;
using Kloset;

namespace KlosetWorker.Takeout;

/// <summary>
/// What is known of contents that are stored and not placed yet, in a file of the cache: an export has a sidecar for every photo, and all
/// are read before the first photo is.
/// </summary>
internal sealed class ContentSpool : IDisposable
{
    private readonly FileStream _file;
    private readonly BinaryWriter _writer;
    private readonly BinaryReader _reader;

    public ContentSpool(string cacheFolder)
    {
        Directory.CreateDirectory(cacheFolder);
        var path = Path.Combine(cacheFolder, "kloset-contents-" + Path.GetRandomFileName());
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 4 << 10, FileOptions.DeleteOnClose);
        _writer = new BinaryWriter(_file, Encoding.UTF8, leaveOpen: true);
        _reader = new BinaryReader(_file, Encoding.UTF8, leaveOpen: true);
    }

    /// <summary>Where it lies, for <see cref="Read"/>.</summary>
    public long Add(StoredContent content)
    {
        var position = _file.Length;
        _file.Position = position;
        _writer.Write(content.Sha256);
        _writer.Write(content.Sha1);
        _writer.Write(content.Crc32);
        _writer.Write(content.Size);
        _writer.Write(content.Object);
        _writer.Write(content.Mime ?? "");
        _writer.Write(content.Stored is not null);
        if (content.Stored is { } stored)
        {
            _writer.Write(Mac.BytesOf(stored.Id));
            _writer.Write(Mac.BytesOf(stored.ContentMac));
            _writer.Write(stored.Size);
            _writer.Write(stored.Chunks);
            _writer.Write(stored.Entropy);
            _writer.Write(stored.ContentType);
            _writer.Write(stored.NewBytes);
        }

        _writer.Write(content.Facts is null ? "" : JsonSerializer.Serialize(content.Facts, FactsJson.Default.MediaMetadata));
        _writer.Write(content.Sidecar is null ? "" : JsonSerializer.Serialize(content.Sidecar, FactsJson.Default.Sidecar));
        return position;
    }

    public StoredContent Read(long position)
    {
        _file.Position = position;
        StoredContent content = new(
            _reader.ReadString(), _reader.ReadString(), _reader.ReadString(), _reader.ReadInt64(), _reader.ReadString(), _reader.ReadString() is { Length: > 0 } mime ? mime : null, null);
        if (_reader.ReadBoolean())
        {
            Span<byte> mac = stackalloc byte[Mac.Size];
            _reader.BaseStream.ReadExactly(mac);
            var id = new Mac(mac);
            _reader.BaseStream.ReadExactly(mac);
            content = content with
            {
                Stored = new(id, new Mac(mac), _reader.ReadInt64(), _reader.ReadInt32(), _reader.ReadDouble(), _reader.ReadString(), _reader.ReadInt64()),
            };
        }

        return content with
        {
            Facts = _reader.ReadString() is { Length: > 0 } facts ? JsonSerializer.Deserialize(facts, FactsJson.Default.MediaMetadata) : null,
            Sidecar = _reader.ReadString() is { Length: > 0 } sidecar ? JsonSerializer.Deserialize(sidecar, FactsJson.Default.Sidecar) : null,
        };
    }

    public void Dispose()
    {
        _writer.Dispose();
        _reader.Dispose();
        _file.Dispose();
    }
}

[System.Text.Json.Serialization.JsonSourceGenerationOptions(DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull, IgnoreReadOnlyProperties = true)]
[System.Text.Json.Serialization.JsonSerializable(typeof(MediaMetadata))]
[System.Text.Json.Serialization.JsonSerializable(typeof(Sidecar))]
internal sealed partial class FactsJson : System.Text.Json.Serialization.JsonSerializerContext;
