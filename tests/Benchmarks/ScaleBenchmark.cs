using System.Globalization;
using System.Text;

namespace Benchmarks;

/// <summary>
/// How time, memory and metadata grow with the number of photos: media of 4 KiB that do not compress, each with a sidecar, in thirty folders,
/// encrypted. Options: --media 10000,100000 (default; the full figure is 1000000, which needs 20 GB), --folder PATH for the library,
/// --repository PATH, --steps backup,ls,restore (their names; default all).
/// </summary>
internal sealed class ScaleBenchmark : IBenchmark
{
    private const string Secret = "a passphrase of the benchmark: correct horse battery staple 2026";
    private const int Folders = 30;

    public string Name => "scale";

    public string Question => "how do time, peak memory and new metadata grow from ten thousand photos to a million?";

    public async Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken cancellationToken)
    {
        string parent = Option(args, "--folder") ?? Path.GetTempPath();
        string stores = Option(args, "--repository") ?? parent;
        if (Environment.GetEnvironmentVariable("KLOSET") is not { } program)
        {
            Console.WriteLine("Name the program in KLOSET: out/kloset after `make build`.");
            return 2;
        }

        Console.WriteLine("| media | step | wall s | processor s | VmHWM MiB | stored MB |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (string text in (Option(args, "--media") ?? "10000,100000").Split(','))
        {
            int media = int.Parse(text, CultureInfo.InvariantCulture);
            string data = Path.Combine(parent, $"kloset-scale-{Environment.ProcessId}");
            string store = Path.Combine(stores, $"kloset-scale-repository-{Environment.ProcessId}");
            try
            {
                Write(data, media);
                if (!await MeasureAsync(program, data, store, media, Option(args, "--steps")?.Split(','), cancellationToken))
                {
                    return 1;
                }
            }
            finally
            {
                foreach (string folder in (string[])[data, store, store + "-cache", store + "-restored"])
                {
                    if (Directory.Exists(folder))
                    {
                        Directory.Delete(folder, recursive: true);
                    }
                }
            }
        }

        return 0;
    }

    private static async Task<bool> MeasureAsync(string program, string data, string store, int media, string[]? only, CancellationToken cancellationToken)
    {
        Dictionary<string, string> environment = new()
        {
            ["KLOSET_REPOSITORY"] = "fs:" + store,
            ["KLOSET_PASSPHRASE"] = Secret,
            ["KLOSET_CACHE"] = Directory.CreateDirectory(store + "-cache").FullName,
        };
        (string Step, string[] Arguments)[] steps =
        [
            ("create", ["create"]), ("backup", ["backup", "folder:" + data, "-q"]), ("unchanged backup", ["backup", "folder:" + data, "-q"]),
            ("backup with one new photo", ["backup", "folder:" + data, "-q"]), ("ls", ["ls"]), ("ls --recursive", ["ls", "--recursive"]),
            ("snapshots", ["snapshots"]), ("restore", ["restore", "latest", "--to", store + "-restored", "-q"]),
            ("check of structure, 3 snapshots", ["check", "--level", "structure", "-q"]), ("check of all data, 3 snapshots", ["check", "--level", "data", "-q"]),
        ];
        long stored = 0;
        foreach ((string step, string[] arguments) in steps.Where(step => only is null || step.Step == "create" || only.Contains(step.Step.Split(',')[0])))
        {
            if (step == "backup with one new photo")
            {
                File.WriteAllBytes(Path.Combine(data, "Photos from 1990", "NEW.jpg"), Noise(new Random(7)));
            }

            Measured measured = await ChildProcess.RunAsync(program, arguments, environment, cancellationToken, tail: 2000);
            if (measured.ExitCode != 0)
            {
                Console.WriteLine($"{step} failed with {measured.ExitCode}: {measured.Output}");
                return false;
            }

            long now = Directory.EnumerateFiles(store, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {media} | {step} | {measured.Wall.TotalSeconds:0.0} | {measured.Processor.TotalSeconds:0.0} | {measured.PeakMemory / 1048576.0:0} | {(now - stored) / 1e6:0.0} |"));
            stored = now;
        }

        return true;
    }

    private static void Write(string folder, int media)
    {
        Random random = new(2026);
        int perFolder = Math.Max(1, media / Folders);
        for (int i = 0; i < media; i++)
        {
            string album = Path.Combine(folder, $"Photos from {1990 + (i / perFolder)}");
            if (i % perFolder == 0)
            {
                Directory.CreateDirectory(album);
            }

            string path = Path.Combine(album, $"IMG_{i:0000000}.jpg");
            File.WriteAllBytes(path, Noise(random));
            string sidecar = $$"""
                {"title":"IMG_{{i:0000000}}.jpg","description":"","imageViews":"{{random.Next(100)}}","photoTakenTime":{"timestamp":"{{1_400_000_000 + i}}"},"geoData":{"latitude":{{random.NextDouble()}},"longitude":{{random.NextDouble()}},"altitude":0.0},"url":"https://photos.google.com/photo/AF1Qip{{random.NextInt64()}}"}
                """;
            File.WriteAllText(path + ".supplemental-metadata.json", sidecar, new UTF8Encoding(false));
        }
    }

    private static byte[] Noise(Random random)
    {
        byte[] photo = new byte[4096];
        random.NextBytes(photo);
        ((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF, 0xE0]).CopyTo(photo);
        return photo;
    }

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
