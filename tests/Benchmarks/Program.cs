using Benchmarks;

// One file a question. To add one: implement IBenchmark and name it here.
IBenchmark[] benchmarks = [new PrimitivesBenchmark(), new WholeProcessBenchmark(), new ScaleBenchmark(), new GoogleListingBenchmark(), new FleetBenchmark()];

string? wanted = args.FirstOrDefault();
IBenchmark[] chosen = wanted is null ? benchmarks : [.. benchmarks.Where(benchmark => benchmark.Name == wanted)];
if (chosen.Length == 0)
{
    Console.Error.WriteLine($"No benchmark is called \"{wanted}\". There are: {string.Join(", ", benchmarks.Select(benchmark => benchmark.Name))}.");
    return 2;
}

#if DEBUG
Console.Error.WriteLine("Unoptimised code measures nothing: run with -c Release.");
return 2;
#else
foreach (IBenchmark benchmark in chosen)
{
    Console.WriteLine($"# {benchmark.Name}: {benchmark.Question}");
    Console.WriteLine();
    int result = await benchmark.RunAsync([.. args.Skip(1)], CancellationToken.None);
    if (result != 0)
    {
        return result;
    }

    Console.WriteLine();
}

return 0;
#endif
