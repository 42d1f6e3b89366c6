using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Benchmarks;

/// <summary>
/// `kloset` against the peers that are installed, as whole processes on the same folder in one run: photos that do not compress, each
/// with a sidecar, encrypted repositories, everything in memory. Options: --mib N (default 512), --folder PATH, --only kloset,plakar,restic.
/// </summary>
internal sealed class WholeProcessBenchmark : IBenchmark
{
    private const string Secret = "a passphrase of the benchmark: correct horse battery staple 2026";

    public string Name => "whole-process";

    public string Question => "how long do backup, an unchanged backup, a check of all data and a restore take, beside plakar and restic?";

    public async Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken cancellationToken)
    {
        int mib = int.Parse(Option(args, "--mib") ?? "512", CultureInfo.InvariantCulture);
        string parent = Option(args, "--folder") ?? (Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath());
        string[]? only = Option(args, "--only")?.Split(',');
        string root = Path.Combine(parent, $"kloset-bench-{Environment.ProcessId}");
        string data = Path.Combine(root, "data");
        try
        {
            (int files, long bytes) = WriteLibrary(data, mib);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{files} files, {bytes / 1048576.0:0} MiB in {parent}, {Environment.ProcessorCount} processors; wall seconds, processor seconds, peak memory"));
            Console.WriteLine();
            List<(string Tool, List<Measured?> Results)> table = [];
            foreach (Peer peer in Peers(root, data))
            {
                if (only is not null && !only.Contains(peer.Name))
                {
                    continue;
                }

                if (peer.Program is null)
                {
                    Console.WriteLine($"{peer.Name}: not measured, {peer.WhyNot}");
                    continue;
                }

                table.Add((peer.Name, await MeasureAsync(peer, root, data, cancellationToken)));
            }

            Print(table);
            return 0;
        }
        finally
        {
            if (Directory.Exists(root))
            {
                Directory.Delete(root, recursive: true);
            }
        }
    }

    private static readonly string[] Steps = ["create", "backup", "unchanged", "check", "restore"];

    private sealed record Peer(string Name, string? Program, string WhyNot, IReadOnlyDictionary<string, string> Environment, IReadOnlyList<string[]> Commands)
    {
        /// <summary>Run once, unmeasured, in the fresh home folder.</summary>
        public string[]? Preparation { get; init; }

        public string Repository { get; init; } = "";

        public string Restored { get; init; } = "";
    }

    private static IEnumerable<Peer> Peers(string root, string data)
    {
        string repository = Path.Combine(root, "kloset-repository");
        string restored = Path.Combine(root, "kloset-restored");
        yield return new(
            "kloset", Environment.GetEnvironmentVariable("KLOSET") ?? Built(), "build it first (make build), or name it in KLOSET",
            new Dictionary<string, string>
            {
                ["KLOSET_REPOSITORY"] = $"fs:{repository}",
                ["KLOSET_PASSPHRASE"] = Secret,
                ["KLOSET_CACHE"] = Path.Combine(root, "kloset-cache"),
                ["HOME"] = Path.Combine(root, "home"),
            },
            [
                ["create"], ["backup", $"folder:{data}", "--quiet"], ["backup", $"folder:{data}", "--quiet"],
                ["check", "--level", "data", "--quiet"], ["restore", "latest", "--to", restored, "--quiet"],
            ])
        { Repository = repository, Restored = restored };

        repository = Path.Combine(root, "plakar-repository");
        restored = Path.Combine(root, "plakar-restored");
        yield return new(
            "plakar", OnPath("plakar"), "it is not on PATH",
            new Dictionary<string, string> { ["PLAKAR_PASSPHRASE"] = Secret, ["HOME"] = Path.Combine(root, "home") },
            [
                ["-quiet", "at", $"fs:{repository}", "create"], ["-quiet", "at", $"fs:{repository}", "backup", data],
                ["-quiet", "at", $"fs:{repository}", "backup", data], ["-quiet", "at", $"fs:{repository}", "check"],
                ["-quiet", "at", $"fs:{repository}", "restore", "-to", restored],
            ])
        { Repository = repository, Restored = restored, Preparation = ["-disable-security-check"] };

        repository = Path.Combine(root, "restic-repository");
        restored = Path.Combine(root, "restic-restored");
        yield return new(
            "restic", OnPath("restic"), "it is not on PATH",
            new Dictionary<string, string>
            {
                ["RESTIC_PASSWORD"] = Secret,
                ["RESTIC_REPOSITORY"] = repository,
                ["HOME"] = Path.Combine(root, "home"),
                ["RESTIC_CACHE_DIR"] = Path.Combine(root, "restic-cache"),
            },
            [
                ["init", "--quiet"], ["backup", "--quiet", data], ["backup", "--quiet", data], ["check", "--quiet", "--read-data"],
                ["restore", "--quiet", "latest", "--target", restored],
            ])
        { Repository = repository, Restored = restored };
    }

    private static async Task<List<Measured?>> MeasureAsync(Peer peer, string root, string data, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.Combine(root, "home"));
        if (peer.Preparation is not null)
        {
            await ChildProcess.RunAsync(peer.Program!, peer.Preparation, peer.Environment, cancellationToken);
        }

        List<Measured?> results = [];
        for (int step = 0; step < Steps.Length; step++)
        {
            Measured measured = await ChildProcess.RunAsync(peer.Program!, peer.Commands[step], peer.Environment, cancellationToken);
            if (measured.ExitCode != 0)
            {
                Console.WriteLine($"{peer.Name} {Steps[step]} failed with {measured.ExitCode}: {measured.Output.Trim()}");
                results.AddRange(Enumerable.Repeat<Measured?>(null, Steps.Length - step));
                break;
            }

            results.Add(measured);
        }

        if (results[^1] is not null)
        {
            Compare(data, peer.Restored);
        }

        foreach (string folder in (string[])[peer.Repository, peer.Restored])
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        return results;
    }

    private static void Print(List<(string Tool, List<Measured?> Results)> table)
    {
        Console.WriteLine($"{"",-10}{string.Concat(Steps.Select(step => $"{step,26}"))}");
        foreach ((string tool, List<Measured?> results) in table)
        {
            Console.WriteLine($"{tool,-10}{string.Concat(results.Select(result => $"{result?.ToString() ?? "-",26}"))}");
        }

        List<Measured?>? ours = table.FirstOrDefault(row => row.Tool == "kloset").Results;
        foreach ((string tool, List<Measured?> results) in table.Where(row => row.Tool != "kloset" && ours is not null))
        {
            IEnumerable<string> ratios = results.Zip(ours!, (theirs, our) =>
                theirs is null || our is null ? "-" : Throughput.Ratio(theirs.Wall.TotalSeconds, our.Wall.TotalSeconds));
            Console.WriteLine($"{"vs " + tool,-10}{string.Concat(ratios.Select(ratio => $"{ratio,26}"))}");
        }
    }

    // A photo is 0.3 to 6 MB that do not compress; its sidecar is the JSON of a Takeout.
    private static (int Files, long Bytes) WriteLibrary(string folder, int mib)
    {
        Random random = new(2026);
        byte[] photo = new byte[6 << 20];
        long bytes = 0;
        int files = 0;
        for (int album = 0; bytes < (long)mib << 20; album++)
        {
            string albumFolder = Path.Combine(folder, $"Photos from {1990 + album}");
            Directory.CreateDirectory(albumFolder);
            for (int item = 0; item < 40 && bytes < (long)mib << 20; item++)
            {
                int length = random.Next(300_000, photo.Length);
                random.NextBytes(photo.AsSpan(0, length));
                string path = Path.Combine(albumFolder, $"IMG_{item:0000}.jpg");
                using (FileStream file = File.Create(path))
                {
                    file.Write(photo.AsSpan(0, length));
                }

                string sidecar = $$"""
                    {
                      "title": "IMG_{{item:0000}}.jpg",
                      "description": "",
                      "imageViews": "{{random.Next(100)}}",
                      "creationTime": { "timestamp": "{{1_500_000_000 + random.Next(100_000_000)}}", "formatted": "1 Jan 2020, 12:00:00 UTC" },
                      "photoTakenTime": { "timestamp": "{{1_500_000_000 + random.Next(100_000_000)}}", "formatted": "1 Jan 2020, 12:00:00 UTC" },
                      "geoData": { "latitude": {{random.NextDouble()}}, "longitude": {{random.NextDouble()}}, "altitude": 0.0, "latitudeSpan": 0.0, "longitudeSpan": 0.0 },
                      "url": "https://photos.google.com/photo/AF1Qip{{random.NextInt64()}}"
                    }
                    """;
                File.WriteAllText(path + ".supplemental-metadata.json", sidecar, new UTF8Encoding(false));
                bytes += length + sidecar.Length;
                files += 2;
            }
        }

        return (files, bytes);
    }

    // A benchmark of something that restored other bytes would be worth nothing.
    private static void Compare(string data, string restored)
    {
        Dictionary<string, string> found = Directory.EnumerateFiles(restored, "*", SearchOption.AllDirectories).ToDictionary(
            path => Path.Combine(Path.GetFileName(Path.GetDirectoryName(path))!, Path.GetFileName(path)));
        foreach (string path in Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories))
        {
            string key = Path.Combine(Path.GetFileName(Path.GetDirectoryName(path))!, Path.GetFileName(path));
            using FileStream expected = File.OpenRead(path);
            using FileStream? actual = found.TryGetValue(key, out string? other) ? File.OpenRead(other) : null;
            if (actual is null || !SHA256.HashData(expected).AsSpan().SequenceEqual(SHA256.HashData(actual)))
            {
                throw new InvalidDataException($"{restored} does not hold {key} as it was.");
            }
        }
    }

    private static string? Built()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "out", "kloset");
            if (File.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    private static string? OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static string? Option(IReadOnlyList<string> args, string name)
    {
        for (int i = 0; i + 1 < args.Count; i++)
        {
            if (args[i] == name)
            {
                return args[i + 1];
            }
        }

        return null;
    }
}
