using System.Diagnostics;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Kloset.Checking;
using Kloset.Maintenance;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Tests.Storage;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Interop;

[Collection(S3ServerCollection.Name)]
public sealed class SharedRepositoryTests(S3ServerFixture servers)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Same_bytes_add_no_chunk_whoever_stored_them_first(bool bucket, bool encrypted)
    {
        await using var place = await InteropPlace.NewAsync(servers, bucket, encrypted, Token);
        await place.CreateAsync(Token);
        var first = MakeFiles(place.Folder, "first", 1);
        var second = MakeFiles(place.Folder, "second", 100);

        // Ours first, then theirs of the same bytes.
        await OursAsync(place, first, expectNothingNew: false);
        var before = await ChunksAsync(place);
        place.Plakar.Run("backup", first);
        Assert.Equal(before.Count, (await FileChunksAsync(place, "fs")).Intersect(before).Count());
        await AssertOnePlaceEachAsync(place, before);

        // Theirs first, then ours.
        place.Plakar.Run("backup", second);
        await OursAsync(place, second, expectNothingNew: true);
        place.Plakar.Run("check");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Odd_files_of_plakar_are_read_as_they_were(bool bucket)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the odd files are those of Linux");
        await using var place = await InteropPlace.NewAsync(servers, bucket, encrypted: false, Token);
        var source = Path.Combine(place.Folder, "odd");
        Directory.CreateDirectory(source);
        Sh($"""
            cd '{source}' && printf hello > a && mkfifo fifo && ln -s nowhere link && ln a hard && truncate -s 3M sparse && chmod 4755 sparse &&
            mkdir sub && chmod 1777 sub && mkdir "$(printf 'caf\351')" && printf x > "$(printf 'caf\351/x\377')" && touch -d '1950-01-01T00:00:00.123456789Z' old && : > empty
            """);
        var attributes = TrySh($"cd '{source}' && python3 -c \"import os; os.setxattr('a', 'user.comment', b'a comment')\"");
        place.Plakar.Run("create", "-plaintext");
        place.Plakar.Run("backup", source);
        place.Plakar.Run("backup", Path.Combine(source, "sub"), Path.Combine(source, "a"));
        Sh($"rm -r '{source}'/caf*"); // the runtime cannot delete such names
        await place.UseAsync(
            async repository =>
            {
                var headers = await repository.ListSnapshotsAsync(Token);
                var snapshot = await repository.OpenSnapshotAsync(headers[0].Id, Token);
                var entries = await TreeChanges.WalkAsync(snapshot);
                Entry At(string name) => entries[source + "/" + name];
                Assert.Equal("hello"u8.ToArray(), await TreeChanges.ReadAsync(snapshot, At("a")));
                Assert.Equal(2, At("hard").LinkCount);
                Assert.Equal(At("a").Inode, At("hard").Inode);
                Assert.Equal(EntryKind.Pipe, At("fifo").Kind);
                Assert.Equal("nowhere", At("link").SymlinkTarget);
                Assert.Equal(3 << 20, (await TreeChanges.ReadAsync(snapshot, At("sparse"))).Length);
                Assert.NotEqual(0u, At("sparse").Mode & GoFileMode.SetUserId);
                Assert.NotEqual(0u, At("sub").Mode & GoFileMode.Sticky);
                Assert.Equal(123456789, At("old").ModTime.Nanoseconds);
                Assert.True(At("old").ModTime.Seconds < 0);
                Assert.Empty(await TreeChanges.ReadAsync(snapshot, At("empty")));
                var raw = EntryPath.Parse(source).Append("caf\uDCE9").Append("x\uDCFF");
                Assert.Equal("x"u8.ToArray(), await TreeChanges.ReadAsync(snapshot, (await snapshot.FindAsync(raw, Token))!));
                if (attributes)
                {
                    // The hard link has it, too.
                    var listed = await snapshot.ListExtendedAttributesAsync(Token).ToListAsync(Token);
                    Assert.Equal([source + "/a", source + "/hard"], listed.Select(a => a.Path.ToString()));
                    var attribute = listed[0];
                    Assert.Equal("user.comment", attribute.Name);
                    await using var value = await snapshot.Trees[0].OpenExtendedAttributeAsync(attribute, Token);
                    var bytes = new MemoryStream();
                    await value.CopyToAsync(bytes, Token);
                    Assert.Equal("a comment"u8.ToArray(), bytes.ToArray());
                }

                // Two places in one backup.
                var both = await TreeChanges.WalkAsync(await repository.OpenSnapshotAsync(headers[1].Id, Token));
                Assert.Contains(source + "/a", both.Keys);
                Assert.Contains(source + "/sub", both.Keys);
                Assert.DoesNotContain(source + "/old", both.Keys);
                var report = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
                Assert.True(report.IsClean, string.Join('\n', report.Findings));
                return 0;
            },
            Token);
    }

    /// <summary>Create, backup, check, restore, removal and maintenance, all by both, on one bucket.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task On_a_bucket_both_do_everything_in_turn_and_neither_has_anything_to_say(bool encrypted)
    {
        await using var place = await InteropPlace.NewAsync(servers, bucket: true, encrypted, Token);
        if (encrypted)
            await place.CreateAsync(Token); // plakar's own derivation costs seconds each time
        else
            place.Plakar.Run("create", "-plaintext");
        var (first, second) = (MakeFiles(place.Folder, "first", 1), MakeFiles(place.Folder, "second", 100));
        // Each of the other's bytes, too.
        string[] kept =
        [
            await OursAsync(place, first, expectNothingNew: false), await TheirsAsync(place, second),
            await OursAsync(place, second, expectNothingNew: true), await TheirsAsync(place, first),
        ];
        // After those that stay, so that what all snapshots share does not lie in their packfiles.
        var ours = await OursAsync(place, MakeFiles(place.Folder, "fourth", 300), expectNothingNew: false);
        var theirs = await TheirsAsync(place, MakeFiles(place.Folder, "fifth", 400));
        await CheckBothAsync(place);

        place.Plakar.Run("rm", "-apply", ours);
        Assert.Single(await place.UseAsync(repository => repository.ForgetAsync([new SnapshotId(Mac.Parse(theirs))], Token), Token));
        // Ours marks and theirs removes.
        var before = await PackfilesAsync(place);
        await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
        Assert.True((await MaintainAsync(place)).Marked.Packfiles > 0);
        await CheckBothAsync(place);
        var tidied = await TidyAsync(place);
        Assert.True(await PackfilesAsync(place) < before, tidied);
        await CheckBothAsync(place);

        // Theirs marks and ours removes; between marking and removing both go on.
        var doomed = await OursAsync(place, MakeFiles(place.Folder, "third", 200), expectNothingNew: false);
        Assert.Single(await place.UseAsync(repository => repository.ForgetAsync([new SnapshotId(Mac.Parse(doomed))], Token), Token));
        await TidyAsync(place);
        await CheckBothAsync(place);
        ours = await OursAsync(place, Path.Combine(place.Folder, "third"), expectNothingNew: false);
        theirs = await TheirsAsync(place, Path.Combine(place.Folder, "third"));
        await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
        Assert.True((await MaintainAsync(place)).Removed.Packfiles > 0);
        await CheckBothAsync(place);
        // And then there is nothing left to do for either.
        Assert.Contains("Coloured 0 packfiles (0 orphaned)", await TidyAsync(place), StringComparison.Ordinal);
        await CheckBothAsync(place);

        kept = [.. kept, ours, theirs];
        var listed = place.Plakar.Run("ls");
        Assert.Equal(kept.Length, listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        foreach (var (id, name) in kept.Zip(["first", "second", "second", "first", "third", "third"]))
        {
            var wanted = Contents(Path.Combine(place.Folder, name));
            place.Plakar.Run("restore", "-to", Path.Combine(place.Folder, "restored " + id[..8]), id);
            Assert.Equal(wanted, Contents(Path.Combine(place.Folder, "restored " + id[..8])));
            Assert.Equal(wanted, await place.UseAsync(repository => ReadAllAsync(repository, id), Token));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_pages_of_plakar_show_what_we_wrote(bool bucket)
    {
        await using var place = await InteropPlace.NewAsync(servers, bucket, encrypted: true, Token);
        await place.CreateAsync(Token);
        var files = MakeFiles(place.Folder, "files", 7);
        var id = await OursAsync(place, files, expectNothingNew: false);
        var port = FreePort();
        using var ui = place.Plakar.Serve("ui", "-no-auth", "-no-spawn", "-addr", $"127.0.0.1:{port}");
        try
        {
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(10) };
            var list = await EventuallyAsync(() => http.GetFromJsonAsync<JsonElement>("/api/repository/snapshots", Token));
            Assert.Contains(id, list.ToString(), StringComparison.Ordinal);
            var children = await http.GetFromJsonAsync<JsonElement>($"/api/snapshot/vfs/children/{id}:/photos", Token);
            Assert.Contains("photo 3.jpg", children.ToString(), StringComparison.Ordinal);
            // What a person clicks through: the snapshot, a folder with its summary, a file, its chunks, a search by name and by type, what failed, where it is.
            foreach (var (request, answer) in new[]
            {
                ("/api/repository/info", "\"snapshots\""),
                ($"/api/snapshot/{id}", "\"/photos\""),
                ($"/api/snapshot/vfs/{id}:/photos", "\"summary\""),
                ($"/api/snapshot/vfs/{id}:/photos/photo%203.jpg", "photo 3.jpg"),
                ($"/api/snapshot/vfs/chunks/{id}:/photos/photo%203.jpg", "\"length\""),
                ($"/api/snapshot/vfs/search/{id}:/photos?recursive=true&limit=10&pattern=photo%203.jpg", "photo 3.jpg"),
                ($"/api/snapshot/vfs/search/{id}:/?recursive=true&limit=10&mime=application/octet-stream", "photo 1.jpg"),
                ($"/api/snapshot/vfs/errors/{id}:/", "items"),
                ("/api/repository/locate-pathname?resource=/photos/photo%203.jpg", id),
            })
            {
                var said = await http.GetStringAsync(request, Token);
                Assert.True(said.Contains(answer, StringComparison.OrdinalIgnoreCase), $"{request} was answered with {said}");
            }

            var content = await http.GetByteArrayAsync($"/api/snapshot/reader/{id}:/photos/photo%203.jpg?download=true", Token);
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(files, "photo 3.jpg"), Token), content);
        }
        finally
        {
            ui.Kill(entireProcessTree: true);
            await ui.WaitForExitAsync(Token);
        }
    }

    [Fact]
    public async Task What_a_repair_writes_plakar_opens()
    {
        await using var place = await InteropPlace.NewAsync(servers, bucket: false, encrypted: true, Token);
        await place.CreateAsync(Token);
        var files = MakeFiles(place.Folder, "files", 7);
        var ours = await OursAsync(place, files, expectNothingNew: false);
        var states = Directory.EnumerateFiles(Path.Combine(place.Folder, "repository", "states"), "*", SearchOption.AllDirectories).ToList();
        var lost = states[0];
        var damaged = await File.ReadAllBytesAsync(lost, Token);
        damaged[damaged.Length / 2] ^= 0x10;
        await File.WriteAllBytesAsync(lost, damaged, Token);

        await place.UseAsync(repository => repository.RepairAsync(new RepairOptions(), null, Token), Token);

        Assert.Contains(ours[..8], place.Plakar.Run("ls"), StringComparison.Ordinal);
        place.Plakar.Run("check");
        place.Plakar.Run("backup", files);
        place.Plakar.Run("restore", "-to", Path.Combine(place.Folder, "restored"), ours);
        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(files, "photo 3.jpg"), Token), await File.ReadAllBytesAsync(Path.Combine(place.Folder, "restored", "photo 3.jpg"), Token));
    }

    [Fact]
    public async Task A_diff_of_plakar_and_ours_name_the_same_files()
    {
        await using var place = await InteropPlace.NewAsync(servers, bucket: false, encrypted: false, Token);
        await place.CreateAsync(Token);
        var files = MakeFiles(place.Folder, "files", 3);
        place.Plakar.Run("backup", files);
        await File.WriteAllTextAsync(Path.Combine(files, "photo 1.jpg"), "changed", Token);
        File.Delete(Path.Combine(files, "photo 2.jpg"));
        await File.WriteAllTextAsync(Path.Combine(files, "new.jpg"), "new", Token);
        place.Plakar.Run("backup", files);
        var (ids, ours) = await place.UseAsync(
            async repository =>
            {
                var headers = await repository.ListSnapshotsAsync(Token);
                var differences = new Dictionary<string, DifferenceKind>();
                await foreach (var difference in SnapshotDiff.CompareAsync(
                    await repository.OpenSnapshotAsync(headers[0].Id, Token), await repository.OpenSnapshotAsync(headers[1].Id, Token), EntryPath.Root, Token))
                {
                    if (difference.Kind != DifferenceKind.Attributes)
                        differences.Add(Path.GetFileName(difference.Path.ToString()), difference.Kind);
                }

                return ((headers[0].Id.ToString(), headers[1].Id.ToString()), differences);
            },
            Token);

        Assert.Equal(
            new Dictionary<string, DifferenceKind> { ["photo 1.jpg"] = DifferenceKind.Changed, ["photo 2.jpg"] = DifferenceKind.Removed, ["new.jpg"] = DifferenceKind.Added }, ours);
        var theirs = place.Plakar.Run("diff", ids.Item1, ids.Item2);
        // Of two directories plakar tells what is in one only; changed files it compares when they are named.
        Assert.All(ours.Where(d => d.Value != DifferenceKind.Changed), d => Assert.Contains(d.Key, theirs, StringComparison.Ordinal));
        Assert.DoesNotContain("photo 0.jpg", theirs, StringComparison.Ordinal);
    }

    private static string MakeFiles(string folder, string name, int seed)
    {
        var root = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        for (var i = 0; i < 6; i++)
            File.WriteAllBytes(Path.Combine(root, $"photo {i}.jpg"), TreeChanges.Noise(seed + i, i == 3 ? 2_500_000 : 30_000 * i));
        return root;
    }

    private static Task<string> OursAsync(InteropPlace place, string source, bool expectNothingNew) => place.UseAsync(
        async repository =>
        {
            await using var writer = await repository.BeginWriteAsync(new WriterOptions { CacheDirectory = place.Folder }, Token);
            var changes = new List<TreeChange>();
            foreach (var file in Directory.EnumerateFiles(source))
            {
                var put = await writer.FileAsync("/photos/" + Path.GetFileName(file), await File.ReadAllBytesAsync(file, Token));
                Assert.True(!expectNothingNew || put.Object.NewBytes == 0, $"{file} was stored a second time");
                changes.Add(put);
            }

            return (await writer.CommitAsync(TestRepository.Draft with { Directory = "/photos" }, null, TreeChanges.Of(changes), Token)).Id.ToString();
        },
        Token);

    private static async Task<string> TheirsAsync(InteropPlace place, string source)
    {
        var before = await place.UseAsync(repository => repository.ListSnapshotsAsync(Token), Token);
        place.Plakar.Run("backup", source);
        var after = await place.UseAsync(repository => repository.ListSnapshotsAsync(Token), Token);
        return after.Select(header => header.Id).Except(before.Select(header => header.Id)).Single().ToString();
    }

    private static Task<MaintenanceReport> MaintainAsync(InteropPlace place) => place.UseAsync(
        async repository =>
        {
            // plakar ends before it has removed its own lock; what it guarded has ended.
            foreach (var held in await repository.ListLocksAsync(Token))
                await repository.Store.DeleteAsync($"locks/{held.Id}", Token);
            return await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.FromSeconds(1) }, null, Token);
        },
        Token);

    private static async Task<string> TidyAsync(InteropPlace place)
    {
        await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
        return place.Plakar.Run(["maintenance"], new() { ["PLAKAR_LOCKLESS"] = "1", ["PLAKAR_GRACEPERIOD"] = "1s" });
    }

    private static Task<int> PackfilesAsync(InteropPlace place) =>
        place.UseAsync(async repository => await repository.Store.ListAsync("packfiles/", Token).CountAsync(Token), Token);

    private static async Task CheckBothAsync(InteropPlace place)
    {
        place.Plakar.Run("check");
        var report = await place.UseAsync(repository => repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token), Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }

    private static SortedDictionary<string, string> Contents(string folder) => new(
        Directory.EnumerateFiles(folder).ToDictionary(file => Path.GetFileName(file), file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))), StringComparer.Ordinal);

    private static async Task<SortedDictionary<string, string>> ReadAllAsync(Repository repository, string id)
    {
        var snapshot = await repository.OpenSnapshotAsync(new SnapshotId(Mac.Parse(id)), Token);
        var contents = new SortedDictionary<string, string>(StringComparer.Ordinal);
        await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, Token))
        {
            if (entry.Kind == EntryKind.File)
                contents.Add(entry.Name, Convert.ToHexString(SHA256.HashData(await TreeChanges.ReadAsync(snapshot, entry))));
        }

        return contents;
    }

    private static Task<HashSet<Mac>> ChunksAsync(InteropPlace place) => FileChunksAsync(place, "folder");

    private static Task<HashSet<Mac>> FileChunksAsync(InteropPlace place, string type) => place.UseAsync(
        async repository =>
        {
            var chunks = new HashSet<Mac>();
            foreach (var header in (await repository.ListSnapshotsAsync(Token)).Where(h => h.Source.Type == type))
            {
                var snapshot = await repository.OpenSnapshotAsync(header.Id, Token);
                await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, Token))
                {
                    if (entry.Kind == EntryKind.File)
                        chunks.UnionWith((await snapshot.ReadObjectAsync(entry.Object, Token)).Chunks!.Select(c => c.ContentMac));
                }
            }

            return chunks;
        },
        Token);

    private static Task<int> AssertOnePlaceEachAsync(InteropPlace place, HashSet<Mac> chunks) => place.UseAsync(
        async repository =>
        {
            await repository.RefreshAsync(Token);
            Assert.All(chunks, chunk => Assert.Single(repository.Index.FindAll(BlobType.Chunk, in chunk)));
            return 0;
        },
        Token);

    private static async Task<T> EventuallyAsync<T>(Func<Task<T>> ask)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await ask();
            }
            catch (HttpRequestException) when (attempt < 100)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, Token);
            }
        }
    }

    private static int FreePort()
    {
        using var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        return ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static void Sh(string script) => Assert.True(TrySh(script), script);

    private static bool TrySh(string script)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script]) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
