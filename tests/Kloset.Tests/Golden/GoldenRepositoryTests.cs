using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kloset.Configuration;
using Kloset.Encryption;
using Kloset.Envelopes;
using Kloset.Msgpack;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;

namespace Kloset.Tests.Golden;

/// <summary>Repositories of plakar v1.1.4, reproduced field by field.</summary>
public sealed class GoldenRepositoryTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Names => Fixture.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_configuration_is_read_field_by_field_and_written_back_to_the_same_bytes(string name)
    {
        await using var fixture = Fixture.Open(name);
        await using var repository = await fixture.OpenRepositoryAsync();
        var expected = fixture.Expected.GetProperty("configuration");
        var actual = repository.Configuration;

        Assert.Equal(expected.GetProperty("timestamp").GetString(), actual.Timestamp.ToString());
        Assert.Equal(expected.GetProperty("repository_id").GetGuid(), actual.RepositoryId);
        Assert.Equal(expected.GetProperty("packfile").GetProperty("max_size").GetUInt64(), actual.Packfile.MaxSize);
        Assert.Equal(expected.GetProperty("packfile").GetProperty("avg_size").GetUInt64(), actual.Packfile.AvgSize);
        Assert.Equal(expected.GetProperty("packfile").GetProperty("min_size").GetUInt64(), actual.Packfile.MinSize);
        var chunking = expected.GetProperty("chunking");
        Assert.Equal(chunking.GetProperty("algorithm").GetString(), actual.Chunking.Algorithm);
        Assert.Equal(chunking.GetProperty("min_size").GetUInt32(), actual.Chunking.MinSize);
        Assert.Equal(chunking.GetProperty("normal_size").GetUInt32(), actual.Chunking.NormalSize);
        Assert.Equal(chunking.GetProperty("max_size").GetUInt32(), actual.Chunking.MaxSize);
        Assert.Equal(expected.GetProperty("hashing").GetProperty("algorithm").GetString(), actual.Hashing.Algorithm);
        Assert.Equal(expected.GetProperty("hashing").GetProperty("bits").GetUInt32(), actual.Hashing.Bits);
        var compression = expected.GetProperty("compression");
        Assert.Equal(
            new CompressionConfiguration(
                compression.GetProperty("algorithm").GetString()!, compression.GetProperty("level").GetInt64(),
                compression.GetProperty("window_size").GetInt64(), compression.GetProperty("chunk_size").GetInt64(),
                compression.GetProperty("block_size").GetInt64(), compression.GetProperty("enable_CRC").GetBoolean()),
            actual.Compression);
        byte[] key = [];
        var encryption = expected.GetProperty("encryption");
        if (encryption.ValueKind == JsonValueKind.Null)
            Assert.Null(actual.Encryption);
        else
        {
            var found = Assert.IsType<EncryptionConfiguration>(actual.Encryption);
            Assert.Equal(encryption.GetProperty("subkey_algorithm").GetString(), found.SubKeyAlgorithm);
            Assert.Equal(encryption.GetProperty("data_algorithm").GetString(), found.DataAlgorithm);
            Assert.Equal(encryption.GetProperty("chunk_size").GetInt64(), found.ChunkSize);
            Assert.Equal(encryption.GetProperty("canary").GetBytesFromBase64(), found.Canary.ToArray());
            var derivation = Assert.IsType<Argon2idParameters>(found.KeyDerivation);
            Assert.Equal(encryption.GetProperty("KDF_params").GetProperty("salt").GetBytesFromBase64(), derivation.Salt.ToArray());
            var argon2id = encryption.GetProperty("KDF_params").GetProperty("argon2id");
            Assert.Equal(argon2id.GetProperty("Time").GetUInt32(), derivation.Time);
            Assert.Equal(argon2id.GetProperty("Memory").GetUInt32(), derivation.Memory);
            Assert.Equal(argon2id.GetProperty("Threads").GetByte(), derivation.Threads);
            key = Convert.FromHexString(fixture.Internals.GetProperty("derived_key_hex").GetString()!);
        }

        Assert.Equal(fixture.Internals.GetProperty("mac_key_hex").GetString(), Convert.ToHexStringLower(repository.Codec.MacKey));
        var probe = fixture.Internals.GetProperty("mac_probe");
        Assert.Equal(
            probe.GetProperty("mac").GetString(), repository.Codec.ComputeMac(Encoding.UTF8.GetBytes(probe.GetProperty("input_utf8").GetString()!)).ToString());
        var stored = await File.ReadAllBytesAsync(Path.Combine(fixture.Root, "CONFIG"), Token);
        Assert.Equal(Convert.ToHexStringLower(stored), Convert.ToHexStringLower(ConfigurationCodec.Write(actual, key)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Every_entry_of_every_state_is_read_and_written_back_to_the_same_journal(string name)
    {
        await using var fixture = Fixture.Open(name);
        await using var repository = await fixture.OpenRepositoryAsync();
        var states = fixture.Internals.GetProperty("states").EnumerateArray().ToList();
        Assert.NotEmpty(states);
        foreach (var state in states)
        {
            var head = state.GetProperty("head");
            var id = Mac.Parse(head.GetProperty("id").GetString());
            var resource = await File.ReadAllBytesAsync(Path.Combine(fixture.Root, StateLoader.KeyOf(in id)), Token);
            Assert.Equal(0x00010100u, StorageEnvelope.ReadHeader(resource, ResourceType.State, StateParser.NewestVersion));
            using var clear = new PooledBuffer();
            repository.Codec.Decode(StorageEnvelope.Payload(resource), clear, 1 << 24);
            Assert.Equal(head.GetProperty("decoded_size").GetInt32(), clear.Length);

            var recorder = new Recorder(new Mac(clear.Span[..32]));
            using (var parser = new StateParser(StateParser.NewestVersion, recorder))
            {
                parser.GetSpan(clear.Length);
                clear.Span.CopyTo(parser.GetSpan(clear.Length));
                parser.Advance(clear.Length);
                parser.Finish();
                Assert.Equal(head.GetProperty("parent").GetString(), parser.Parent.ToString());
                var metadata = head.GetProperty("metadata");
                Assert.Equal(metadata.GetProperty("version_u32").GetUInt32(), parser.Trailer!.Value.Version);
                Assert.Equal(metadata.GetProperty("timestamp_unix_nano").GetInt64(), parser.Trailer.Value.Time);
                Assert.Equal(Guid.Empty, parser.Trailer.Value.Serial);
                Assert.Equal(0, parser.TrailingBytes);
                recorder.Builder.Trailer(parser.Trailer.Value);
            }

            Assert.Equal(state.GetProperty("entries").EnumerateArray().Select(Describe), recorder.Lines);
            Assert.True(clear.Span.SequenceEqual(recorder.Builder.Journal), "the journal differs when it is written back");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Every_packfile_has_the_index_and_footer_that_plakar_reports(string name)
    {
        await using var fixture = Fixture.Open(name);
        await using var repository = await fixture.OpenRepositoryAsync();
        foreach (var packfile in fixture.Internals.GetProperty("packfiles").EnumerateArray())
        {
            var head = packfile.GetProperty("head");
            var id = Mac.Parse(head.GetProperty("mac").GetString());
            var index = PackfileIndex.ReadWhole(repository.Codec, await File.ReadAllBytesAsync(Path.Combine(fixture.Root, PackfileIndex.KeyOf(in id)), Token));
            var footer = head.GetProperty("footer");
            Assert.Equal(footer.GetProperty("count").GetUInt32(), index.Footer.Count);
            Assert.Equal(footer.GetProperty("index_offset").GetInt64(), index.Footer.IndexOffset);
            Assert.Equal(footer.GetProperty("timestamp_unix_nano").GetInt64(), index.Footer.Time);
            Assert.Equal(footer.GetProperty("index_mac").GetString(), index.Footer.IndexMac.ToString());
            Assert.Equal(
                packfile.GetProperty("index").EnumerateArray().Select(r =>
                    (r.GetProperty("type").GetString(), r.GetProperty("mac").GetString(), r.GetProperty("offset").GetInt64(), r.GetProperty("length").GetUInt32())),
                index.Records.Select(r => ((string?)BlobTypes.NameOf(r.Type), (string?)r.Id.ToString(), r.Offset, r.Length)));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Every_snapshot_is_reproduced_header_paths_attributes_and_contents(string name)
    {
        await using var fixture = Fixture.Open(name);
        await using var repository = await fixture.OpenRepositoryAsync();
        var expected = fixture.Expected.GetProperty("snapshots").EnumerateArray().ToList();
        var headers = await repository.ListSnapshotsAsync(Token);
        Assert.Equal(expected.Select(s => s.GetProperty("id").GetString()).Order(), headers.Select(h => h.Id.ToString()).Order());
        foreach (var wanted in expected)
        {
            var snapshot = await repository.OpenSnapshotAsync(SnapshotId.Parse(wanted.GetProperty("id").GetString()!), Token);
            AssertHeader(wanted.GetProperty("header"), snapshot.Header);
            var xattrs = new Dictionary<(string, string), string>();
            await foreach (var attribute in snapshot.ListExtendedAttributesAsync(Token))
            {
                await using var value = await snapshot.Trees[0].OpenExtendedAttributeAsync(attribute, Token);
                var bytes = new MemoryStream();
                await value.CopyToAsync(bytes, Token);
                xattrs.Add((attribute.Path.ToString(), attribute.Name), Convert.ToHexStringLower(bytes.ToArray()));
            }

            var entries = new Dictionary<string, Entry>();
            await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, Token))
                entries.Add(entry.Path.ToString(), entry);
            var wantedEntries = wanted.GetProperty("entries").EnumerateArray().ToDictionary(e => e.GetProperty("path").GetString()!);
            Assert.Equal(wantedEntries.Keys.Order(StringComparer.Ordinal), entries.Keys.Order(StringComparer.Ordinal));
            foreach (var (path, entry) in entries)
            {
                var found = await snapshot.FindAsync(EntryPath.Parse(path), Token);
                Assert.Equal(Serialise(entry), Serialise(found!));
                await AssertEntryAsync(wantedEntries[path], entry, snapshot, xattrs);
            }

            Assert.Equal(
                wantedEntries.Values.Sum(e => e.TryGetProperty("xattrs_hex_at_source", out var x) ? x.EnumerateObject().Count() : 0), xattrs.Count);
            Assert.Null(await snapshot.FindAsync(EntryPath.Parse("/srv/data/not there"), Token));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Deleted_snapshots_and_coloured_packfiles_are_known_and_invisible(string name)
    {
        await using var fixture = Fixture.Open(name);
        await using var repository = await fixture.OpenRepositoryAsync();
        await repository.RefreshAsync(Token);
        var deleted = fixture.Expected.GetProperty("deleted_snapshots").EnumerateArray().ToList();
        Assert.Equal(
            deleted.Select(d => (d.GetProperty("id").GetString(), d.GetProperty("when").GetString())),
            repository.Index.DeletedSnapshots().Select(d => ((string?)d.Key.ToString(), (string?)Timestamp.FromUnixNanoseconds(d.Value).ToString())));
        Assert.Equal(
            fixture.Expected.GetProperty("coloured_packfiles").GetArrayLength(), repository.Index.Packfiles().Count(p => p.ColouredSince is not null));
        Assert.Equal(
            fixture.Internals.GetProperty("packfiles").EnumerateArray().Select(p => p.GetProperty("head").GetProperty("mac").GetString()).Order(),
            repository.Index.Packfiles().Where(p => p.Packfile.IsVisible).Select(p => p.Packfile.Id.ToString()).Order());
        foreach (var item in deleted)
        {
            var failure = await Assert.ThrowsAsync<RepositoryException>(
                () => repository.OpenSnapshotAsync(SnapshotId.Parse(item.GetProperty("id").GetString()!), Token));
            Assert.Equal(RepositoryFailure.SnapshotNotFound, failure.Failure);
        }
    }

    [Fact]
    public async Task States_give_the_same_repository_in_whatever_order_they_come()
    {
        await using var fixture = Fixture.Open("maintained");
        await using var repository = await fixture.OpenRepositoryAsync();
        var folder = Path.Combine(fixture.Root, "states");
        // The states of the same two maintenance runs with zero parents, which plakar itself replays in the wrong order.
        foreach (var state in (string[])["e3/e37c2325", "ef/ef018006"])
            File.Delete(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Single(f => f.Contains(state, StringComparison.Ordinal)));
        Fixture.CopyTree(Path.Combine(fixture.Source, "variant-fresh-cache", "states"), Path.Combine(fixture.Root, "more"));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(fixture.Root, "more"), "*", SearchOption.AllDirectories))
            File.Move(file, Path.Combine(folder, Path.GetFileName(file)[..2], Path.GetFileName(file)));
        var contents = new List<(Mac Id, StateContent Content)>();
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            contents.Add((Mac.Parse(Path.GetFileName(file)), StateLoader.Parse(repository.Codec, await File.ReadAllBytesAsync(file, Token))));
        Assert.Equal(6, contents.Count);
        string? first = null;
        foreach (var order in Permutations(contents.Count))
        {
            var index = new RepositoryIndex();
            foreach (var position in order)
                index.Apply(contents[position].Id, contents[position].Content);
            var outcome = string.Join(
                '\n',
                index.Snapshots().Select(s => "snapshot " + s).Order()
                    .Concat(index.Packfiles().Select(p => $"packfile {p.Packfile.Id} {p.Packfile.IsVisible} {p.ColouredSince}").Order())
                    .Concat(index.VisibleBlobs().Select(b => $"{b.Type} {b.Id} {b.Location.Packfile} {b.Location.Offset} {b.Location.Length}").Order()));
            first ??= outcome;
            Assert.Equal(first, outcome);
        }

        Assert.DoesNotContain("45aad786", first!, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Every_metadata_blob_is_written_back_to_the_same_bytes(string name)
    {
        await using var fixture = Fixture.Open(name);
        await using var repository = await fixture.OpenRepositoryAsync();
        await repository.RefreshAsync(Token);
        var checkedBlobs = new Dictionary<BlobType, int>();
        var writer = new MsgpackWriter();
        foreach (var (type, id, _) in repository.Index.VisibleBlobs())
        {
            if (type is BlobType.Random or BlobType.Chunk)
                continue;
            using var clear = new PooledBuffer();
            await repository.Blobs.ReadAsync(type, id, clear, Token);
            writer.Reset();
            switch (type)
            {
                case BlobType.Snapshot:
                    HeaderCodec.Write(writer, HeaderCodec.Read(clear.Span));
                    break;
                case BlobType.Object:
                    ObjectCodec.Write(writer, ObjectCodec.Read(clear.Span));
                    break;
                case BlobType.VfsEntry:
                    EntryCodec.Write(writer, EntryCodec.Read(clear.Span));
                    break;
                case BlobType.VfsSummary:
                    SummaryCodec.Write(writer, SummaryCodec.Read(clear.Span));
                    break;
                case BlobType.ErrorEntry:
                    ObjectCodec.Write(writer, ObjectCodec.ReadError(clear.Span));
                    break;
                case BlobType.XattrEntry:
                    ObjectCodec.Write(writer, ObjectCodec.ReadXattr(clear.Span));
                    break;
                case BlobType.VfsTree or BlobType.ErrorTree or BlobType.XattrTree or BlobType.IndexTree:
                    TreeNodeCodec.WriteRoot(writer, TreeNodeCodec.ReadRoot(clear.Span), 50);
                    break;
                default:
                    TreeNodeCodec.Write(writer, TreeNodeCodec.Read(clear.Span));
                    break;
            }

            Assert.True(clear.Span.SequenceEqual(writer.Written), $"{type} {id}: {Convert.ToHexString(clear.Span)} became {Convert.ToHexString(writer.Written)}");
            checkedBlobs[type] = checkedBlobs.GetValueOrDefault(type) + 1;
        }

        Assert.True(checkedBlobs[BlobType.VfsEntry] > 20);
        Assert.True(checkedBlobs[BlobType.Object] > 10);
        Assert.True(checkedBlobs[BlobType.VfsSummary] > 5);
        Assert.True(checkedBlobs[BlobType.Snapshot] > 0);
    }

    [Fact]
    public async Task Every_stored_byte_of_a_packfile_decodes_to_what_its_index_says()
    {
        await using var fixture = Fixture.Open("encrypted");
        await using var repository = await fixture.OpenRepositoryAsync();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(fixture.Root, "packfiles"), "*", SearchOption.AllDirectories))
        {
            var bytes = await File.ReadAllBytesAsync(file, Token);
            var index = PackfileIndex.ReadWhole(repository.Codec, bytes);
            foreach (var record in index.Records)
            {
                using var clear = new PooledBuffer();
                repository.Blobs.Decode(record.Type, record.Id, bytes.AsSpan((int)record.Offset + 16, (int)record.Length), clear);
            }
        }
    }

    private static string Serialise(Entry entry)
    {
        var writer = new MsgpackWriter();
        EntryCodec.Write(writer, entry);
        return Convert.ToHexString(writer.Written);
    }

    private static IEnumerable<int[]> Permutations(int count)
    {
        var order = Enumerable.Range(0, count).ToArray();
        return Permute(order, 0);

        static IEnumerable<int[]> Permute(int[] items, int from)
        {
            if (from == items.Length)
            {
                yield return items;
                yield break;
            }

            for (var i = from; i < items.Length; i++)
            {
                (items[from], items[i]) = (items[i], items[from]);
                foreach (var permutation in Permute(items, from + 1))
                    yield return permutation;
                (items[from], items[i]) = (items[i], items[from]);
            }
        }
    }

    private static void AssertHeader(JsonElement expected, SnapshotHeader actual)
    {
        Assert.Equal(expected.GetProperty("version").GetUInt32(), actual.Version);
        Assert.Equal(expected.GetProperty("timestamp").GetString(), actual.Timestamp.ToString());
        Assert.Equal(expected.GetProperty("duration").GetInt64(), actual.DurationNanoseconds);
        Assert.Equal(expected.GetProperty("identity").GetProperty("identifier").GetGuid(), actual.IdentityId);
        Assert.Null(actual.IdentityPublicKey);
        Assert.Equal(expected.GetProperty("name").GetString(), actual.Name);
        Assert.Equal(expected.GetProperty("category").GetString(), actual.Category);
        Assert.Equal(expected.GetProperty("environment").GetString(), actual.Environment);
        Assert.Equal(expected.GetProperty("perimeter").GetString(), actual.Perimeter);
        Assert.Equal(expected.GetProperty("job").GetString(), actual.Job);
        Assert.Equal(expected.GetProperty("replicas").GetUInt32(), actual.Replicas);
        Assert.Equal(expected.GetProperty("dataset").GetString(), actual.Dataset);
        Assert.Equal(expected.GetProperty("tags").EnumerateArray().Select(t => t.GetString()), actual.Tags);
        Assert.Equal(Pairs(expected.GetProperty("context")), actual.Context);
        Assert.Equal(expected.GetProperty("sources").GetArrayLength(), actual.Sources!.Count);
        foreach (var (source, found) in expected.GetProperty("sources").EnumerateArray().Zip(actual.Sources))
        {
            Assert.Equal(source.GetProperty("importer").GetProperty("type").GetString(), found.Type);
            Assert.Equal(source.GetProperty("importer").GetProperty("origin").GetString(), found.Origin);
            Assert.Equal(source.GetProperty("importer").GetProperty("directory").GetString(), found.Directory);
            Assert.Equal(source.GetProperty("root").GetProperty("root").GetString(), found.Root.ToString());
            Assert.Equal(source.GetProperty("root").GetProperty("xattrs").GetString(), found.ExtendedAttributes.ToString());
            Assert.Equal(source.GetProperty("root").GetProperty("errors").GetString(), found.Errors.ToString());
            Assert.Equal(
                source.GetProperty("indexes").EnumerateArray().Select(i =>
                    (i.GetProperty("name").GetString(), i.GetProperty("type").GetString(), i.GetProperty("value").GetString())),
                found.Indexes!.Select(i => ((string?)i.Name, (string?)i.Type, (string?)i.Value.ToString())));
            AssertCounters(source.GetProperty("summary").GetProperty("directory"), found.Summary.Directory);
            AssertCounters(source.GetProperty("summary").GetProperty("below"), found.Summary.Below);
        }
    }

    private static void AssertCounters(JsonElement expected, SummaryCounters actual)
    {
        foreach (var property in expected.EnumerateObject())
        {
            object found = property.Name switch
            {
                "directories" => actual.Directories,
                "files" => actual.Files,
                "symlinks" => actual.Symlinks,
                "devices" => actual.Devices,
                "pipes" => actual.Pipes,
                "sockets" => actual.Sockets,
                "children" => actual.Children,
                "setuid" => actual.SetUserId,
                "setgid" => actual.SetGroupId,
                "sticky" => actual.Sticky,
                "objects" => actual.Objects,
                "chunks" => actual.Chunks,
                "min_size" => actual.MinSize,
                "max_size" => actual.MaxSize,
                "avg_size" => actual.AverageSize,
                "size" => actual.Size,
                "min_mod_time" => actual.MinModTime,
                "max_mod_time" => actual.MaxModTime,
                "min_entropy" => actual.MinEntropy,
                "max_entropy" => actual.MaxEntropy,
                "sum_entropy" => actual.SumEntropy,
                "avg_entropy" => actual.AverageEntropy,
                "hi_entropy" => actual.HighEntropy,
                "lo_entropy" => actual.LowEntropy,
                "MIME_audio" => actual.MimeAudio,
                "MIME_video" => actual.MimeVideo,
                "MIME_image" => actual.MimeImage,
                "MIME_text" => actual.MimeText,
                "MIME_application" => actual.MimeApplication,
                "MIME_other" => actual.MimeOther,
                "errors" => actual.Errors,
                _ => "an unknown field",
            };
            Assert.Equal(property.Value.GetDouble(), Convert.ToDouble(found, CultureInfo.InvariantCulture));
        }
    }

    private static async Task AssertEntryAsync(
        JsonElement expected, Entry actual, Snapshot snapshot, Dictionary<(string, string), string> xattrs)
    {
        Assert.Equal(
            expected.GetProperty("type").GetString(),
            actual.Kind switch { EntryKind.Directory => "dir", EntryKind.File => "file", EntryKind.Symlink => "symlink", EntryKind.Pipe => "pipe", var kind => kind.ToString() });
        Assert.Equal(expected.GetProperty("size").GetInt64(), actual.Size);
        Assert.Equal(expected.GetProperty("mode_go").GetUInt32(), actual.Mode);
        Assert.Equal(expected.GetProperty("mtime").GetString(), actual.ModTime.ToString());
        Assert.Equal(expected.GetProperty("uid").GetUInt64(), actual.UserId);
        Assert.Equal(expected.GetProperty("gid").GetUInt64(), actual.GroupId);
        Assert.Equal(expected.GetProperty("username").GetString(), actual.UserName);
        Assert.Equal(expected.GetProperty("groupname").GetString(), actual.GroupName);
        Assert.Equal(expected.GetProperty("nlink").GetUInt16(), actual.LinkCount);
        Assert.Equal(Text("content_type") ?? "", actual.ContentType);
        Assert.Equal(Text("symlink_target"), actual.SymlinkTarget);
        Assert.Equal(
            expected.TryGetProperty("extended_attributes", out var names) ? names.EnumerateArray().Select(n => n.GetString()) : [], actual.ExtendedAttributes ?? []);
        if (expected.TryGetProperty("xattrs_hex_at_source", out var values))
        {
            foreach (var value in values.EnumerateObject())
                Assert.Equal(value.Value.GetString(), xattrs[(actual.Path.ToString(), value.Name)]);
        }

        if (actual.Kind != EntryKind.File)
        {
            Assert.True(actual.Object.IsZero);
            return;
        }

        var item = await snapshot.ReadObjectAsync(actual.Object, Token);
        Assert.Equal(Text("object_content_mac"), item.ContentMac.ToString());
        Assert.Equal(
            expected.GetProperty("chunks").EnumerateArray().Select(c =>
                (c.GetProperty("mac").GetString(), c.GetProperty("length").GetUInt32(), c.GetProperty("entropy").GetDouble())),
            item.Chunks!.Select(c => ((string?)c.ContentMac.ToString(), c.Length, c.Entropy)));
        await using var content = snapshot.OpenRead(actual);
        Assert.Equal(actual.Size, content.Length);
        Assert.Equal(Text("sha256"), Convert.ToHexStringLower(await SHA256.HashDataAsync(content, Token)));

        string? Text(string property) => expected.TryGetProperty(property, out var value) ? value.GetString() : null;
    }

    private static IEnumerable<KeyValuePair<string, string>> Pairs(JsonElement list) =>
        list.EnumerateArray().Select(p => new KeyValuePair<string, string>(p.GetProperty("key").GetString()!, p.GetProperty("value").GetString()!));

    private static string Describe(JsonElement entry)
    {
        return entry.GetProperty("entry").GetString() switch
        {
            "locations" => $"location {Get("type")} {Get("blob")} {Get("packfile")} {entry.GetProperty("offset").GetInt64()} {entry.GetProperty("length").GetUInt32()}",
            "packfile" => $"packfile {Get("packfile")} {Get("state")} {entry.GetProperty("timestamp_unix_nano").GetInt64()}",
            "coloured" => $"coloured {Get("type")} {Get("blob")} {entry.GetProperty("when_unix_nano").GetInt64()}",
            "delete" => $"delete {entry.GetProperty("deleted_entry_type").GetInt32()} {Get("blob")} {Get("packfile")}",
            var other => $"unexpected {other}",
        };

        string Get(string property) => entry.GetProperty(property).GetString()!;
    }

    private sealed class Recorder(Mac parent) : IStateVisitor
    {
        public StateBuilder Builder { get; } = new(in parent);

        public List<string> Lines { get; } = [];

        public void Location(in LocationEntry entry)
        {
            Lines.Add($"location {BlobTypes.NameOf(entry.Type)} {entry.Blob} {entry.Packfile} {entry.Offset} {entry.Length}");
            Builder.Location(in entry);
        }

        public void Coloured(in ColouredEntry entry)
        {
            Lines.Add($"coloured {(entry.Type == ColouredEntry.Snapshot ? "snapshot" : "packfile")} {entry.Id} {entry.Time}");
            Builder.Coloured(in entry);
        }

        public void Packfile(in PackfileEntry entry)
        {
            Lines.Add($"packfile {entry.Packfile} {entry.State} {entry.Time}");
            Builder.Packfile(in entry);
        }

        public void Delete(in DeleteEntry entry)
        {
            Lines.Add($"delete {(int)entry.Kind} {entry.Blob} {entry.Packfile}");
            Builder.Delete(in entry);
        }
    }
}
