using Kloset.Chunking;
using Kloset.Encryption;
using Kloset.Envelopes;
using Kloset.Hashing;
using Kloset.Msgpack;
using Kloset.Repositories;

namespace Kloset.Configuration;

/// <summary>CONFIG: clear msgpack, its tag always BLAKE3 (keyed with the repository key where there is one).</summary>
internal static class ConfigurationCodec
{
    private static readonly byte[][] Fields = FieldNames.Of("Timestamp", "RepositoryID", "Packfile", "Chunking", "Hashing", "Compression", "Encryption");
    private static readonly byte[][] Packfile = FieldNames.Of("MinSize", "AvgSize", "MaxSize");
    private static readonly byte[][] Chunking = FieldNames.Of("Algorithm", "MinSize", "NormalSize", "MaxSize");
    private static readonly byte[][] Hashing = FieldNames.Of("Algorithm", "Bits");
    private static readonly byte[][] Compression = FieldNames.Of("Algorithm", "Level", "WindowSize", "ChunkSize", "BlockSize", "EnableCRC");
    private static readonly byte[][] Encryption = FieldNames.Of("SubKeyAlgorithm", "DataAlgorithm", "ChunkSize", "KDFParams", "Canary");
    private static readonly byte[][] Kdf = FieldNames.Of("KDF", "Salt", "argon2id", "scrypt", "pbkdf2");
    private static readonly byte[][] Argon2id = FieldNames.Of("SaltSize", "Time", "Memory", "Threads", "KeyLen");
    private static readonly byte[][] Scrypt = FieldNames.Of("SaltSize", "N", "R", "P", "KeyLen");
    private static readonly byte[][] Pbkdf2 = FieldNames.Of("SaltSize", "Iterations", "KeyLen", "Hashing");

    /// <summary>Reads the map and refuses what this engine does not know, by name. The tag is checked by <see cref="HasValidTag"/>.</summary>
    public static RepositoryConfiguration Read(ReadOnlySpan<byte> resource)
    {
        var version = StorageEnvelope.ReadHeader(resource, ResourceType.Configuration, uint.MaxValue);
        if (version != RepositoryConfiguration.CurrentVersion)
            throw Unsupported($"its configuration has version {StorageEnvelope.FormatVersion(version)}; only 1.0.0 is known");
        var reader = new MsgpackReader(StorageEnvelope.Payload(resource));
        var configuration = new RepositoryConfiguration { Timestamp = Timestamp.GoZero, RepositoryId = Guid.Empty, Compression = null };
        var cursor = reader.BeginStruct(Fields);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    configuration = configuration with { Timestamp = reader.ReadTime() };
                    break;
                case 1:
                    configuration = configuration with { RepositoryId = reader.ReadUuid() };
                    break;
                case 2:
                    configuration = configuration with { Packfile = ReadPackfile(ref reader) };
                    break;
                case 3:
                    configuration = configuration with { Chunking = ReadChunking(ref reader) };
                    break;
                case 4:
                    configuration = configuration with { Hashing = ReadHashing(ref reader) };
                    break;
                case 5:
                    configuration = configuration with { Compression = reader.TryReadNil() ? null : ReadCompression(ref reader) };
                    break;
                default:
                    configuration = configuration with { Encryption = reader.TryReadNil() ? null : ReadEncryption(ref reader) };
                    break;
            }
        }

        reader.ExpectEnd();
        RefuseUnknown(configuration);
        return configuration;
    }

    /// <param name="key">The repository key; empty in a plaintext repository.</param>
    public static bool HasValidTag(ReadOnlySpan<byte> resource, ReadOnlySpan<byte> key)
    {
        Span<byte> tag = stackalloc byte[StorageEnvelope.TagSize];
        ComputeTag(resource[..^StorageEnvelope.TagSize], key, tag);
        return resource[^StorageEnvelope.TagSize..].SequenceEqual(tag);
    }

    public static byte[] Write(RepositoryConfiguration configuration, ReadOnlySpan<byte> key)
    {
        var writer = new MsgpackWriter();
        Write(writer, configuration);
        var resource = new byte[StorageEnvelope.HeaderSize + writer.Length + StorageEnvelope.TagSize];
        StorageEnvelope.WriteHeader(resource, ResourceType.Configuration, RepositoryConfiguration.CurrentVersion);
        writer.Written.CopyTo(resource.AsSpan(StorageEnvelope.HeaderSize));
        ComputeTag(resource.AsSpan()[..^StorageEnvelope.TagSize], key, resource.AsSpan()[^StorageEnvelope.TagSize..]);
        return resource;
    }

    /// <summary>Names what this engine cannot do, before anything else is tried.</summary>
    public static void RefuseUnknown(RepositoryConfiguration configuration)
    {
        if (configuration.Hashing.Algorithm is not ("BLAKE3" or "SHA256"))
            throw Unsupported($"it hashes with '{configuration.Hashing.Algorithm}'; BLAKE3 and SHA256 are known");
        if (configuration.Hashing.Bits != 256)
            throw Unsupported($"its hashes have {configuration.Hashing.Bits} bits; only 256 are known");
        if (configuration.Compression is { } compression && compression.Algorithm is not ("LZ4" or "GZIP"))
            throw Unsupported($"it compresses with '{compression.Algorithm}'; LZ4 and GZIP are known");
        if (configuration.Encryption is not { } encryption)
            return;
        if (encryption.DataAlgorithm != StreamCipherParameters.AesGcmSiv)
            throw Unsupported($"it encrypts with '{encryption.DataAlgorithm}'; only AES256-GCM-SIV is known");
        if (encryption.SubKeyAlgorithm is not (StreamCipherParameters.AesKeyWrap or StreamCipherParameters.AesGcm))
            throw Unsupported($"it wraps sub-keys with '{encryption.SubKeyAlgorithm}'; AES256-KW and AES256-GCM are known");
        if (encryption.ChunkSize is < 1 or > StreamCipherParameters.MaxChunkSize)
            throw Unsupported($"its encryption records hold {encryption.ChunkSize} bytes");
    }

    private static void ComputeTag(ReadOnlySpan<byte> content, ReadOnlySpan<byte> key, Span<byte> tag)
    {
        if (key.IsEmpty)
            Blake3.Hash(content, tag);
        else
            Blake3.KeyedHash(key, content, tag);
    }

    private static RepositoryException Unsupported(string what) =>
        new(RepositoryFailure.Unsupported, $"This repository cannot be used: {what}.");

    private static void Write(MsgpackWriter writer, RepositoryConfiguration configuration)
    {
        writer.MapHeader(7);
        writer.Key("Timestamp"u8);
        writer.Time(configuration.Timestamp);
        writer.Key("RepositoryID"u8);
        writer.Uuid(configuration.RepositoryId);
        writer.Key("Packfile"u8);
        writer.MapHeader(3);
        writer.Key("MinSize"u8);
        writer.UInt64(configuration.Packfile.MinSize);
        writer.Key("AvgSize"u8);
        writer.UInt64(configuration.Packfile.AvgSize);
        writer.Key("MaxSize"u8);
        writer.UInt64(configuration.Packfile.MaxSize);
        writer.Key("Chunking"u8);
        writer.MapHeader(4);
        writer.Key("Algorithm"u8);
        writer.String(configuration.Chunking.Algorithm);
        writer.Key("MinSize"u8);
        writer.UInt32(configuration.Chunking.MinSize);
        writer.Key("NormalSize"u8);
        writer.UInt32(configuration.Chunking.NormalSize);
        writer.Key("MaxSize"u8);
        writer.UInt32(configuration.Chunking.MaxSize);
        writer.Key("Hashing"u8);
        writer.MapHeader(2);
        writer.Key("Algorithm"u8);
        writer.String(configuration.Hashing.Algorithm);
        writer.Key("Bits"u8);
        writer.UInt32(configuration.Hashing.Bits);
        writer.Key("Compression"u8);
        if (configuration.Compression is { } compression)
        {
            writer.MapHeader(6);
            writer.Key("Algorithm"u8);
            writer.String(compression.Algorithm);
            writer.Key("Level"u8);
            writer.CompactInt(compression.Level);
            writer.Key("WindowSize"u8);
            writer.CompactInt(compression.WindowSize);
            writer.Key("ChunkSize"u8);
            writer.CompactInt(compression.ChunkSize);
            writer.Key("BlockSize"u8);
            writer.CompactInt(compression.BlockSize);
            writer.Key("EnableCRC"u8);
            writer.Bool(compression.EnableCrc);
        }
        else
            writer.Nil();

        writer.Key("Encryption"u8);
        if (configuration.Encryption is not { } encryption)
        {
            writer.Nil();
            return;
        }

        writer.MapHeader(5);
        writer.Key("SubKeyAlgorithm"u8);
        writer.String(encryption.SubKeyAlgorithm);
        writer.Key("DataAlgorithm"u8);
        writer.String(encryption.DataAlgorithm);
        writer.Key("ChunkSize"u8);
        writer.CompactInt(encryption.ChunkSize);
        writer.Key("KDFParams"u8);
        Write(writer, encryption.KeyDerivation);
        writer.Key("Canary"u8);
        writer.Bytes(encryption.Canary.Span);
    }

    private static void Write(MsgpackWriter writer, KeyDerivationParameters parameters)
    {
        writer.MapHeader(3);
        writer.Key("KDF"u8);
        writer.String(parameters.Name);
        writer.Key("Salt"u8);
        writer.Bytes(parameters.Salt.Span);
        switch (parameters)
        {
            case Argon2idParameters argon2id:
                writer.Key("argon2id"u8);
                writer.MapHeader(5);
                writer.Key("SaltSize"u8);
                writer.UInt32((uint)argon2id.Salt.Length);
                writer.Key("Time"u8);
                writer.UInt32(argon2id.Time);
                writer.Key("Memory"u8);
                writer.UInt32(argon2id.Memory);
                writer.Key("Threads"u8);
                writer.UInt8(argon2id.Threads);
                writer.Key("KeyLen"u8);
                writer.UInt32(argon2id.KeyLength);
                break;
            case ScryptParameters scrypt:
                writer.Key("scrypt"u8);
                writer.MapHeader(5);
                writer.Key("SaltSize"u8);
                writer.UInt32((uint)scrypt.Salt.Length);
                writer.Key("N"u8);
                writer.CompactInt(scrypt.N);
                writer.Key("R"u8);
                writer.CompactInt(scrypt.R);
                writer.Key("P"u8);
                writer.CompactInt(scrypt.P);
                writer.Key("KeyLen"u8);
                writer.CompactInt(scrypt.KeyLength);
                break;
            case Pbkdf2Parameters pbkdf2:
                writer.Key("pbkdf2"u8);
                writer.MapHeader(4);
                writer.Key("SaltSize"u8);
                writer.UInt32((uint)pbkdf2.Salt.Length);
                writer.Key("Iterations"u8);
                writer.CompactInt(pbkdf2.Iterations);
                writer.Key("KeyLen"u8);
                writer.CompactInt(pbkdf2.KeyLength);
                writer.Key("Hashing"u8);
                writer.String(pbkdf2.Hashing);
                break;
            default:
                throw Unsupported($"its key derivation is '{parameters.Name}'");
        }
    }

    private static PackfileConfiguration ReadPackfile(ref MsgpackReader reader)
    {
        Span<ulong> values = stackalloc ulong[3];
        var cursor = reader.BeginStruct(Packfile);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
            values[field] = reader.ReadUInt64();
        return new PackfileConfiguration(values[0], values[1], values[2]);
    }

    private static ChunkingParameters ReadChunking(ref MsgpackReader reader)
    {
        var algorithm = "";
        Span<uint> sizes = stackalloc uint[4];
        var cursor = reader.BeginStruct(Chunking);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            if (field == 0)
                algorithm = reader.ReadString();
            else
                sizes[field] = reader.ReadUInt32();
        }

        return new ChunkingParameters(algorithm, sizes[1], sizes[2], sizes[3]);
    }

    private static HashingConfiguration ReadHashing(ref MsgpackReader reader)
    {
        var algorithm = "";
        uint bits = 0;
        var cursor = reader.BeginStruct(Hashing);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            if (field == 0)
                algorithm = reader.ReadString();
            else
                bits = reader.ReadUInt32();
        }

        return new HashingConfiguration(algorithm, bits);
    }

    private static CompressionConfiguration ReadCompression(ref MsgpackReader reader)
    {
        var algorithm = "";
        Span<long> values = stackalloc long[6];
        var crc = false;
        var cursor = reader.BeginStruct(Compression);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            if (field == 0)
                algorithm = reader.ReadString();
            else if (field == 5)
                crc = reader.ReadBool();
            else
                values[field] = reader.ReadInt64();
        }

        return new CompressionConfiguration(algorithm, values[1], values[2], values[3], values[4], crc);
    }

    private static EncryptionConfiguration ReadEncryption(ref MsgpackReader reader)
    {
        string subKey = "", data = "";
        long chunkSize = 0;
        KeyDerivationParameters? derivation = null;
        byte[] canary = [];
        var cursor = reader.BeginStruct(Encryption);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    subKey = reader.ReadString();
                    break;
                case 1:
                    data = reader.ReadString();
                    break;
                case 2:
                    chunkSize = reader.ReadInt64();
                    break;
                case 3:
                    derivation = ReadKeyDerivation(ref reader);
                    break;
                default:
                    canary = reader.ReadText().ToArray();
                    break;
            }
        }

        return new EncryptionConfiguration(
            subKey, data, chunkSize, derivation ?? throw new MalformedException("it names no key derivation"), canary);
    }

    private static KeyDerivationParameters ReadKeyDerivation(ref MsgpackReader reader)
    {
        var name = "";
        byte[] salt = [];
        Argon2idParameters? argon2id = null;
        ScryptParameters? scrypt = null;
        Pbkdf2Parameters? pbkdf2 = null;
        var cursor = reader.BeginStruct(Kdf);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            switch (field)
            {
                case 0:
                    name = reader.ReadString();
                    break;
                case 1:
                    salt = reader.ReadText().ToArray();
                    break;
                case 2 when !reader.IsNil:
                    argon2id = ReadArgon2id(ref reader);
                    break;
                case 3 when !reader.IsNil:
                    scrypt = ReadScrypt(ref reader);
                    break;
                case 4 when !reader.IsNil:
                    pbkdf2 = ReadPbkdf2(ref reader);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        KeyDerivationParameters? chosen = name switch
        {
            Argon2idParameters.AlgorithmName => argon2id,
            ScryptParameters.AlgorithmName => scrypt,
            Pbkdf2Parameters.AlgorithmName => pbkdf2,
            _ => throw Unsupported($"it derives its key with '{name}'; ARGON2ID, SCRYPT and PBKDF2 are known"),
        };
        return chosen is null ? throw new MalformedException($"it has no parameters for {name}") : chosen with { Salt = salt };
    }

    private static Argon2idParameters ReadArgon2id(ref MsgpackReader reader)
    {
        Span<uint> values = stackalloc uint[5];
        var cursor = reader.BeginStruct(Argon2id);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
            values[field] = field == 3 ? reader.ReadByte() : reader.ReadUInt32();
        return new Argon2idParameters(default, values[1], values[2], (byte)values[3]) { KeyLength = values[4] };
    }

    private static ScryptParameters ReadScrypt(ref MsgpackReader reader)
    {
        Span<uint> values = stackalloc uint[5];
        var cursor = reader.BeginStruct(Scrypt);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
            values[field] = reader.ReadUInt32();
        return new ScryptParameters(default, Positive(values[1]), Positive(values[2]), Positive(values[3])) { KeyLength = values[4] };
    }

    private static Pbkdf2Parameters ReadPbkdf2(ref MsgpackReader reader)
    {
        Span<uint> values = stackalloc uint[3];
        var hashing = "";
        var cursor = reader.BeginStruct(Pbkdf2);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            if (field == 3)
                hashing = reader.ReadString();
            else
                values[field] = reader.ReadUInt32();
        }

        return new Pbkdf2Parameters(default, Positive(values[1]), hashing) { KeyLength = values[2] };
    }

    private static int Positive(uint value) =>
        value <= int.MaxValue ? (int)value : throw new MalformedException($"the key derivation parameter {value} is absurd");
}
