using System.Runtime.InteropServices;
using Demo.Staging;
using Demo.Story;
using TakeoutGenerator;

const string Marker = ".made-by-make-demo";

var keep = args.Contains("--keep");
if (args.Except(["--keep"]).Any())
{
    Console.Error.WriteLine("usage: make demo [KEEP=1]");
    return 2;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = true;
    stop.Cancel();
};

using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
{
    context.Cancel = true;
    stop.Cancel();
});

try
{
    var folder = Path.Combine(Checkout.Find().Root, ".demo");
    if (Directory.Exists(folder))
    {
        if (!File.Exists(Path.Combine(folder, Marker)))
        {
            throw new StageException($"{folder} was not made by this demo; move it away first.");
        }

        Directory.Delete(folder, true);
    }

    Directory.CreateDirectory(folder);
    await File.WriteAllTextAsync(Path.Combine(folder, Marker), "This folder is deleted when the demo runs again.\n", stop.Token);
    await using var stage = await Stage.SetAsync(new StageOptions
    {
        Folder = folder,
        Published = true,
        Library = new LibraryOptions { Items = 120, Account = "carol@example.com", Until = TimeProvider.System.GetUtcNow().AddDays(-61) },
    }, stop.Token);
    var story = new DemoStory(stage, Console.Out, stop.Token);
    await story.PlayAsync();
    story.Conclude(keep);
    if (keep)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    return 0;
}
catch (StageException e)
{
    Console.Error.WriteLine($"\nThe demo failed: {e.Message}");
    return 1;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    Console.Error.WriteLine("\nStopped.");
    return 130;
}
