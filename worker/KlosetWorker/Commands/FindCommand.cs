using System.CommandLine;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;

namespace KlosetWorker.Commands;

internal static class FindCommand
{
    public static Command Build(Shell shell)
    {
        var words = new Argument<string[]>("WORD") { Description = "words that must all occur in title, description, people, albums or path", Arity = ArgumentArity.ZeroOrMore };
        var snapshotOption = new Option<string>("--snapshot", "-s") { Description = "the snapshot to look in", HelpName = "SNAPSHOT", DefaultValueFactory = _ => "latest" };
        var queryOptions = new QueryOptions();
        var command = shell.Verb(
            "find",
            """
            Finds photos and videos in the catalog of a library's snapshot.

            Examples:
              kloset find iceland --from 2023 --until 2023
              kloset find --person Susan --near 64.1,-21.9,50 --type video
              kloset find --album "Trip*" --json
            """,
            async (invocation, cancellationToken) =>
            {
                var query = queryOptions.Read(invocation) with { Words = invocation.Value(words) ?? [] };
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                var id = await open.Repository.ResolveSnapshotAsync(invocation.Value(snapshotOption)!, cancellationToken);
                var snapshot = await open.Repository.OpenSnapshotAsync(id, cancellationToken);
                if (await snapshot.FindAsync(CatalogPaths.Folder, cancellationToken) is null)
                {
                    throw new WorkerException(ErrorCatalogue.PathNotFound, $"Snapshot {snapshot.Id.Short} has no catalog: it is no photo library.");
                }

                var found = new List<FindItemOutput>();
                await foreach (var (item, _, _) in CatalogReader.ReadAsync(snapshot, query.WantsYear, cancellationToken))
                {
                    if (query.Matches(item))
                    {
                        found.Add(Describe(item));
                    }
                }

                if (invocation.Json)
                {
                    invocation.WriteJson(new FindOutput(snapshot.Id.ToString(), found), json => json.FindOutput);
                    return (int)ExitCode.Ok;
                }

                var table = new Columns("Taken", ">Size", "Type", "Path");
                foreach (var item in found)
                {
                    table.Add(item.Taken is { } taken ? Text.Time(taken) : "", Text.Bytes(item.Size), item.Mime ?? "", Text.Printable(item.Path));
                }

                table.Write(invocation.Output);
                invocation.Output.WriteLine(Text.Count(found.Count, "item"));
                return (int)ExitCode.Ok;
            });
        command.Add(words);
        command.Add(snapshotOption);
        queryOptions.AddTo(command);
        return command;
    }

    private static FindItemOutput Describe(CatalogItem item)
    {
        var place = item.Place ?? item.PlaceOfFile;
        return new(
            item.Id,
            item.Title,
            item.Taken,
            item.Files[0].Paths[0],
            item.Files.Sum(file => file.Size),
            item.Mime,
            [.. (item.Albums ?? []).Select(album => album.Folder)],
            item.People ?? [],
            item.Description,
            item.Favourite ?? false,
            place?.Latitude,
            place?.Longitude);
    }
}
