using CsCheck;
using Kloset.Configuration;
using Kloset.Msgpack;
using Kloset.Snapshots;
using Kloset.States;

namespace Kloset.Tests.Msgpack;

public sealed class MsgpackTests
{
    [Theory]
    [InlineData(0, "00")]
    [InlineData(127, "7f")]
    [InlineData(128, "cc80")]
    [InlineData(65535, "cdffff")]
    [InlineData(131072, "ce00020000")]
    [InlineData(4294967296, "cf0000000100000000")]
    [InlineData(-1, "ff")]
    [InlineData(-32, "e0")]
    [InlineData(-33, "d0df")]
    [InlineData(-129, "d1ff7f")]
    [InlineData(-40000, "d2ffff63c0")]
    [InlineData(long.MinValue, "d38000000000000000")]
    public void A_machine_integer_takes_the_shortest_code(long value, string hex)
    {
        var writer = new MsgpackWriter();
        writer.CompactInt(value);
        Assert.Equal(hex, Convert.ToHexStringLower(writer.Written));
        Assert.Equal(value, new MsgpackReader(writer.Written).ReadInt64());
    }

    [Theory]
    [InlineData(0, 0, "d6ff00000000")]
    [InlineData(4294967295, 0, "d6ffffffffff")]
    [InlineData(4294967296, 0, "d7ff0000000100000000")]
    [InlineData(1, 1, "d7ff0000000400000001")]
    [InlineData(-1, 999999999, "c70cff3b9ac9ffffffffffffffffff")]
    [InlineData(-62135596800, 0, "c70cff00000000fffffff1886e0900")]
    public void A_time_takes_the_form_that_its_range_needs(long seconds, int nanoseconds, string hex)
    {
        var writer = new MsgpackWriter();
        writer.Time(new Timestamp(seconds, nanoseconds));
        Assert.Equal(hex, Convert.ToHexStringLower(writer.Written));
        Assert.Equal(new Timestamp(seconds, nanoseconds), new MsgpackReader(writer.Written).ReadTime());
    }

    [Fact]
    public void Every_string_of_bytes_survives_the_way_to_a_string_and_back() =>
        Gen.Byte.Array[0, 40].Sample(bytes => Assert.Equal(bytes, LosslessText.Encode(LosslessText.Decode(bytes))), iter: 20_000);

    [Fact]
    public void Text_with_any_character_survives_too() =>
        Gen.OneOf(Gen.Const("🎉"), Gen.Const("é"), Gen.Const("\uDC80"), Gen.Const("a"), Gen.Const("日本"), Gen.Const("\U0010FFFF"), Gen.Const("\uDCFF")).Array[0, 12]
            .Select(string.Concat).Sample(
                text =>
                {
                    var bytes = LosslessText.Encode(text);
                    Assert.Equal(bytes, LosslessText.Encode(LosslessText.Decode(bytes)));
                },
                iter: 20_000);

    [Fact]
    public void Damaged_structures_are_refused_and_never_crash_or_ask_for_memory()
    {
        var writer = new MsgpackWriter();
        EntryCodec.Write(writer, new Entry { Name = "name", ParentPath = EntryPath.Parse("/some/where"), SymlinkTarget = "x", Tags = ["a", "b"], ContentType = "text/plain" });
        var entry = writer.ToArray();
        writer.Reset();
        HeaderCodec.Write(writer, new SnapshotHeader { Id = default, Tags = ["t"], Sources = [new SnapshotSource { Indexes = [new("dirpack", "btree", default)] }] });
        var header = writer.ToArray();
        writer.Reset();
        TreeNodeCodec.Write(writer, new TreeNode([[1], [2]], [], [default, default], null));
        var node = writer.ToArray();
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 400], Gen.Byte, Gen.Int[0, 5]).Sample(
            (which, at, value, cut) =>
            {
                var bytes = ((byte[][])[entry, header, node])[which].ToArray();
                bytes[at % bytes.Length] = value;
                bytes = bytes[..^(cut == 0 ? 0 : Math.Min(bytes.Length, at % (cut * 10 + 1)))];
                try
                {
                    if (which == 0)
                    {
                        EntryCodec.Read(bytes);
                        EntryFacts.Read(bytes);
                    }
                    else if (which == 1)
                        HeaderCodec.Read(bytes);
                    else
                        TreeNodeCodec.Read(bytes);
                }
                catch (MalformedException)
                {
                }
            },
            iter: 50_000);
    }

    [Fact]
    public void Damaged_configurations_and_journals_are_refused_by_name()
    {
        var configuration = ConfigurationCodec.Write(new RepositoryConfiguration { Timestamp = default, RepositoryId = Guid.Empty }, []);
        Gen.Select(Gen.Int[0, 400], Gen.Byte).Sample(
            (at, value) =>
            {
                var bytes = configuration.ToArray();
                bytes[at % bytes.Length] = value;
                try
                {
                    ConfigurationCodec.Read(bytes);
                }
                catch (Exception exception) when (exception is MalformedException or Kloset.Repositories.RepositoryException)
                {
                }
            },
            iter: 20_000);
        Gen.Byte.Array[0, 300].Sample(
            bytes =>
            {
                using var parser = new StateParser(StateParser.NewestVersion, new StateContent());
                bytes.CopyTo(parser.GetSpan(Math.Max(1, bytes.Length)));
                parser.Advance(bytes.Length);
                try
                {
                    parser.Finish();
                }
                catch (MalformedException)
                {
                }
            },
            iter: 20_000);
    }

    [Theory]
    [InlineData("Hashing", "MD5", "MD5")]
    [InlineData("Compression", "ZSTD", "ZSTD")]
    public void An_unknown_algorithm_is_named(string field, string algorithm, string expected)
    {
        var configuration = new RepositoryConfiguration { Timestamp = default, RepositoryId = Guid.Empty };
        configuration = field == "Hashing"
            ? configuration with { Hashing = new(algorithm, 256) }
            : configuration with { Compression = CompressionConfiguration.Default with { Algorithm = algorithm } };
        var refused = Assert.Throws<Kloset.Repositories.RepositoryException>(() => ConfigurationCodec.Read(ConfigurationCodec.Write(configuration, [])));
        Assert.Equal(Kloset.Repositories.RepositoryFailure.Unsupported, refused.Failure);
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }
}
