using System.Text;
using Kloset.Chunking;
using Kloset.Configuration;
using Kloset.Encryption;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Repositories;

public sealed class RepositoryOpeningTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_wrong_with_a_location_or_a_passphrase_is_said()
    {
        await using var test = await TestRepository.CreateAsync("right");
        var away = new FileSystemStore(Path.Combine(test.Folder, "not there"));
        Assert.Equal(RepositoryFailure.PassphraseNeeded, await FailureAsync(Repository.OpenAsync(test.Store, null, test.Services, Token)));
        Assert.Equal(RepositoryFailure.WrongPassphrase, await FailureAsync(Repository.OpenAsync(test.Store, Encoding.UTF8.GetBytes("wrong"), test.Services, Token)));
        Assert.Equal(RepositoryFailure.AlreadyExists, await FailureAsync(Repository.CreateAsync(test.Store, new RepositoryCreation(), test.Services, Token)));
        var empty = Directory.CreateDirectory(Path.Combine(test.Folder, "empty")).FullName;
        Assert.Equal(RepositoryFailure.NoRepository, await FailureAsync(Repository.OpenAsync(new FileSystemStore(empty), null, test.Services, Token)));
        var missing = await Assert.ThrowsAnyAsync<Exception>(() => Repository.OpenAsync(away, null, test.Services, Token));
        Assert.True(missing is RepositoryException { Failure: RepositoryFailure.NoRepository } or StoreException { Failure: StoreFailure.BucketMissing }, missing.ToString());
        Assert.NotNull(test.Repository.KeyFingerprint);
        await using var again = await test.ReopenAsync();
        Assert.Equal(test.Repository.KeyFingerprint, again.KeyFingerprint);
        Assert.Equal(test.Repository.Id, (await Repository.ReadConfigurationAsync(test.Store, Token)).RepositoryId);
    }

    [Fact]
    public async Task Snapshots_are_found_by_the_start_of_their_identifier()
    {
        await using var test = await TestRepository.CreateAsync();
        Assert.Equal(RepositoryFailure.SnapshotNotFound, await FailureAsync(test.Repository.ResolveSnapshotAsync("latest", Token)));
        var ids = new List<SnapshotId>();
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            for (var i = 0; i < 20; i++)
                ids.Add((await writer.CommitAsync(TestRepository.Draft with { Timestamp = DateTimeOffset.UnixEpoch.AddDays(i) }, null, TreeChanges.Of([]), Token)).Id);
        }

        Assert.Equal(ids, (await test.Repository.ListSnapshotsAsync(Token)).Select(h => h.Id));
        Assert.Equal(ids[^1], await test.Repository.ResolveSnapshotAsync("latest", Token));
        Assert.All(ids, id => Assert.Equal(id, test.Repository.ResolveSnapshotAsync(id.ToString()[..20].ToUpperInvariant(), Token).Result));
        // Twenty identifiers cannot all begin with different digits.
        var shared = ids.GroupBy(id => id.ToString()[0]).First(g => g.Count() > 1).Key;
        Assert.Equal(RepositoryFailure.Ambiguous, await FailureAsync(test.Repository.ResolveSnapshotAsync(shared.ToString(), Token)));
        Assert.Equal(RepositoryFailure.SnapshotNotFound, await FailureAsync(test.Repository.ResolveSnapshotAsync("xyz", Token)));
        Assert.Equal(20, (await test.Repository.GetTotalsAsync(Token)).Snapshots);
    }

    [Fact]
    public async Task With_a_damaged_state_nothing_is_listed_or_written_and_known_snapshots_still_open()
    {
        await using var test = await TestRepository.CreateAsync();
        var headers = new List<SnapshotHeader>();
        for (var i = 0; i < 2; i++)
        {
            await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
            headers.Add(await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a", TreeChanges.Noise(i, 1000))]), Token));
        }

        // The state that the second snapshot came with.
        var newest = test.Repository.Index.NewestState.ToString();
        var file = Directory.EnumerateFiles(test.Root, newest, SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(file, Token);
        bytes[^40] ^= 1;
        await File.WriteAllBytesAsync(file, bytes, Token);
        await using var reopened = await test.ReopenAsync();
        Assert.Equal(RepositoryFailure.Damaged, await FailureAsync(reopened.ListSnapshotsAsync(Token)));
        Assert.Equal(RepositoryFailure.Damaged, await FailureAsync(reopened.ResolveSnapshotAsync("latest", Token)));
        Assert.Equal(RepositoryFailure.Damaged, await FailureAsync(reopened.BeginWriteAsync(test.Options, Token)));
        Assert.Empty(await reopened.ListLocksAsync(Token));
        Assert.Contains(newest, Assert.Single(reopened.StateProblems), StringComparison.Ordinal);
        var first = await reopened.OpenSnapshotAsync(await reopened.ResolveSnapshotAsync(headers[0].Id.ToString()[..12], Token), Token);
        Assert.Equal(TreeChanges.Noise(0, 1000), await TreeChanges.ReadAsync(first, (await first.FindAsync(EntryPath.Parse("/a"), Token))!));
    }

    public static TheoryData<string> Kinds => ["default", "scrypt", "pbkdf2", "gcm", "sha256", "sha256 encrypted", "gzip", "gzip encrypted", "uncompressed", "uncompressed encrypted", "fastcdc", "ultracdc"];

    /// <summary>"default" is the one with the real key derivation.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Every_setting_that_a_configuration_can_name_works_both_ways(string kind)
    {
        var folder = Directory.CreateTempSubdirectory("kloset-kinds-").FullName;
        try
        {
            ReadOnlyMemory<byte>? passphrase = kind is "default" or "scrypt" or "pbkdf2" or "gcm" || kind.EndsWith("encrypted", StringComparison.Ordinal)
                ? Encoding.UTF8.GetBytes("päss") : (ReadOnlyMemory<byte>?)null;
            var creation = new RepositoryCreation
            {
                Passphrase = passphrase,
                KeyDerivation = kind switch
                {
                    "default" => null,
                    "scrypt" => new ScryptParameters(default, 1024),
                    _ => new Pbkdf2Parameters(default, 1000),
                },
                Chunking = kind.EndsWith("cdc", StringComparison.Ordinal) ? new ChunkingParameters(kind, 64 << 10, 128 << 10, 256 << 10) : new RepositoryCreation().Chunking,
                SubKeyAlgorithm = kind == "gcm" ? "AES256-GCM" : "AES256-KW",
                Hashing = new HashingConfiguration(kind.StartsWith("sha256", StringComparison.Ordinal) ? "SHA256" : "BLAKE3", 256),
                Compression = kind.StartsWith("uncompressed", StringComparison.Ordinal) ? null
                    : kind.StartsWith("gzip", StringComparison.Ordinal) ? CompressionConfiguration.Default with { Algorithm = "GZIP" } : CompressionConfiguration.Default,
            };
            var store = new FileSystemStore(Path.Combine(folder, "repo"));
            var content = TreeChanges.Noise(5, 1_200_000);
            await using (var repository = await Repository.CreateAsync(store, creation, EngineServices.System, Token))
            {
                await using var writer = await repository.BeginWriteAsync(new WriterOptions(), Token);
                await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a.bin", content), await writer.FileAsync("/empty", [])]), Token);
            }

            await using var opened = await Repository.OpenAsync(store, passphrase, EngineServices.System, Token);
            var snapshot = await opened.OpenSnapshotAsync(await opened.ResolveSnapshotAsync("latest", Token), Token);
            Assert.Equal(content, await TreeChanges.ReadAsync(snapshot, (await snapshot.FindAsync(EntryPath.Parse("/a.bin"), Token))!));
            Assert.Empty(await TreeChanges.ReadAsync(snapshot, (await snapshot.FindAsync(EntryPath.Parse("/empty"), Token))!));
            var report = await opened.CheckAsync(new Kloset.Checking.CheckOptions { Level = Kloset.Checking.CheckLevel.Full }, null, Token);
            Assert.True(report.IsClean, string.Join('\n', report.Findings));
            if (Interop.Plakar.Executable is not null)
            {
                using var plakar = new Interop.Plakar(Path.Combine(folder, "repo"), passphrase is null ? null : "päss");
                plakar.Run("check");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What a later plakar may write, and what nobody writes: refused before a key is derived, by its name.</summary>
    [Theory]
    [InlineData("hashing", "'SHA3'")]
    [InlineData("bits", "512 bits")]
    [InlineData("compression", "'ZSTD'")]
    [InlineData("data", "'CHACHA20'")]
    [InlineData("sub-key", "'AES512-KW'")]
    [InlineData("record", "0 bytes")]
    public async Task A_setting_that_is_not_known_is_refused_by_its_name(string setting, string words)
    {
        await using var test = await TestRepository.CreateAsync("secret");
        var known = test.Repository.Configuration;
        var unknown = setting switch
        {
            "hashing" => known with { Hashing = new("SHA3", 256) },
            "bits" => known with { Hashing = new("BLAKE3", 512) },
            "compression" => known with { Compression = CompressionConfiguration.Default with { Algorithm = "ZSTD" } },
            "data" => known with { Encryption = known.Encryption! with { DataAlgorithm = "CHACHA20" } },
            "sub-key" => known with { Encryption = known.Encryption! with { SubKeyAlgorithm = "AES512-KW" } },
            _ => known with { Encryption = known.Encryption! with { ChunkSize = 0 } },
        };
        await File.WriteAllBytesAsync(Path.Combine(test.Root, "CONFIG"), ConfigurationCodec.Write(unknown, []), Token);
        var refused = await Assert.ThrowsAsync<RepositoryException>(() => test.ReopenAsync());
        Assert.Equal(RepositoryFailure.Unsupported, refused.Failure);
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x00010100u, "1.1.0")]
    [InlineData(0x00020000u, "2.0.0")]
    public async Task A_configuration_of_another_version_is_refused_by_its_number(uint version, string words)
    {
        await using var test = await TestRepository.CreateAsync();
        var path = Path.Combine(test.Root, "CONFIG");
        var config = await File.ReadAllBytesAsync(path, Token);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(config.AsSpan(12), version);
        await File.WriteAllBytesAsync(path, config, Token);
        var refused = await Assert.ThrowsAsync<RepositoryException>(() => test.ReopenAsync());
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fs:/srv/repo", "fs:/srv/repo")]
    [InlineData("/srv/repo", "fs:/srv/repo")]
    [InlineData("./repo", "fs:./repo")]
    [InlineData("/srv/a.ptar", "ptar:/srv/a.ptar")]
    [InlineData("ptar:/srv/a", "ptar:/srv/a")]
    [InlineData("s3://host:9000/bucket/pre/fix/", "s3://host:9000/bucket/pre/fix")]
    [InlineData("s3://host/bucket", "s3://host/bucket")]
    public void Locations_are_read_as_people_write_them(string text, string expected) => Assert.Equal(expected, StoreLocation.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("fs:")]
    [InlineData("repo")]
    [InlineData("s3://host")]
    [InlineData("s3://key:secret@host/bucket")]
    [InlineData("ftp://host/x")]
    public void Locations_that_make_no_sense_are_refused(string text) =>
        Assert.Equal(StoreFailure.Invalid, Assert.Throws<StoreException>(() => StoreLocation.Parse(text)).Failure);

    [Fact]
    public void An_endpoint_lets_a_location_begin_with_the_bucket()
    {
        var endpoint = new Uri("http://127.0.0.1:9000");
        Assert.Equal(new S3Location(endpoint, "bucket", "a/b"), StoreLocation.Parse("s3://bucket/a/b", endpoint));
        Assert.Equal(new S3Location(endpoint, "bucket", "a/b"), StoreLocation.Parse("s3://127.0.0.1:9000/bucket/a/b", endpoint));
    }

    private static async Task<RepositoryFailure> FailureAsync(Task action) => (await Assert.ThrowsAsync<RepositoryException>(() => action)).Failure;
}
