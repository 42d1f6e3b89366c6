using System.Globalization;
using GooglePhotos.Services;
using GooglePhotos.Takeout.Exports;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Writing;
using KlosetWorker.Backups;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.GoogleAccounts;
using KlosetWorker.Output;
using KlosetWorker.Progress;

namespace KlosetWorker.Takeout;

/// <summary>
/// Joins the exports of one account into its lineage: export by export, oldest first, each part once. On its way it cuts anchors, so that
/// a run that is killed is taken up where it was.
/// </summary>
internal sealed class TakeoutBackup(Repository repository, RepositoryWriter writer, TimeProvider time, ProgressTracker tracker, BackupRequest request, TakeoutSource source)
{
    private const int MaxWarnings = 200;
    private static readonly TimeSpan ScheduleWarning = TimeSpan.FromDays(30);
    private static readonly string[] CannotShow =
        ["items that others shared and that were never saved to the library", "items in the locked folder", "the order of the photos inside an album", "the cover of an album"];

    private readonly TakeoutTotals _totals = new();
    private readonly List<ManifestSet> _sets = [];
    private readonly List<ManifestGap> _gaps = [];
    private readonly List<ManifestNote> _unmatched = [];
    private readonly List<string> _warnings = [];
    private ManifestShrink? _shrunk;
    private readonly Dictionary<string, Sighting> _sightings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CatalogAlbum> _albums = new(StringComparer.Ordinal);

    public async Task<BackupReport> RunAsync(CancellationToken stop, CancellationToken cancellationToken)
    {
        tracker.Phase = "Enumerating";
        var locations = await TakeoutLocations.ListAsync(source, cancellationToken);
        var digest = locations.Digest(request.AcceptedGaps);
        var newest = SnapshotMarks.Newest(
            await repository.ListSnapshotsAsync(cancellationToken), SnapshotMarks.GooglePhotosType, request.Origin, "/");
        var basis = newest is null ? null : await repository.OpenSnapshotAsync(newest.Id, cancellationToken);
        var manifest = basis is null ? null : await CatalogReader.ReadManifestAsync(basis, cancellationToken);
        if (manifest is not null && manifest.IngestedDigest == digest && !SnapshotMarks.IsIncomplete(newest!))
        {
            return Unchanged(newest!, manifest, digest);
        }

        var sets = locations.Sets.ToArray();
        await using var budgets = new DriveBudgets(locations.All.Select(location => location.Storage), new(repository), time);
        if (sets.Length == 0 && manifest is null)
        {
            throw new WorkerException(
                ErrorCatalogue.SourceEmpty,
                $"There is no export at {string.Join(", ", locations.All.Select(location => location.Storage.Location))}."
                + (locations.Findings.FirstOrDefault() is { } finding ? " " + finding.Message : ""));
        }

        await LoadAsync(basis, manifest, cancellationToken);
        using var catalog = await LibraryCatalog.LoadAsync(basis, request.CacheFolder, cancellationToken);
        await using var library = new LibraryWriter(repository, writer, catalog, basis, request, time);
        var anchors = new AnchorPolicy(time);
        SnapshotHeader? saved = null;
        SetIngestion? current = null;

        async Task AnchorAsync(bool partFinished)
        {
            if (!anchors.IsDue(partFinished, library.NewBytes))
            {
                return;
            }

            if (current is not null)
            {
                await current.PreserveAsync(cancellationToken);
            }

            if (library.HasChanges)
            {
                saved = await library.SaveAsync(Describe(catalog, digest: null, complete: false, current?.Describe()), _sightings.Values, incomplete: true, cancellationToken);
                anchors.Written(library.NewBytes, writer.Statistics.BytesStored);
                tracker.Phase = "Reading";
            }
        }

        Warn(locations.Findings.Select(finding => finding.Message));
        var pending = new List<SetIngestion>();
        var stopped = false;
        WorkerException? held = null;
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(stop, cancellationToken);
        foreach (var (storage, listed) in sets)
        {
            var set = listed;
            var known = _sets.FindIndex(held => held.Name == set.Name);
            if (known >= 0 && IsIngested(_sets[known], set))
            {
                continue;
            }

            // What an earlier run found missing in this export is looked at anew.
            _gaps.RemoveAll(gap => gap.Set == set.Name);
            SetIngestion Ingest(TakeoutSet from, ManifestSet? before) =>
                current = new(storage, from, source.Settle, request, catalog, library, tracker, _totals, before, _albums, _sets.FirstOrDefault(earlier => earlier.Account is not null)?.Account, time.GetUtcNow())
                {
                    Missed = _gaps.Where(gap => gap.Kind == "entry").Select(gap => SetIngestion.NameInFolder(gap.Name)).ToHashSet(StringComparer.Ordinal),
                    Noted = _unmatched.Select(note => note.Name).ToHashSet(StringComparer.Ordinal),
                };
            var ingestion = Ingest(set, known >= 0 ? _sets[known] : null);
            try
            {
                await ingestion.RunAsync(NewestExport(), AnchorAsync, reading.Token, cancellationToken);
                if (ingestion.SourceChanged)
                {
                    // What was proven of it stays; the rest is read once more, from what lies there now.
                    locations = await TakeoutLocations.ListAsync(source, reading.Token);
                    digest = locations.Digest(request.AcceptedGaps);
                    if (locations.Sets.FirstOrDefault(pair => pair.Storage == storage && pair.Set.Name == listed.Name) is { Set: { } again })
                    {
                        set = again;
                        ingestion = Ingest(set, ingestion.Record);
                        await ingestion.RunAsync(NewestExport(), AnchorAsync, reading.Token, cancellationToken);
                    }
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                stopped = true;
            }
            catch (GoogleServiceException later) when (later.ResumeAfter is not null)
            {
                // What the export has given so far is kept.
                held = GoogleTranslation.Translate(later);
                Take(ingestion, known, stopped: true);
                break;
            }

            if (ingestion.HeldBack is { } hold && !(held?.ResumeAfter <= hold.Until))
            {
                // A limit on the downloads of one part holds up neither the others nor other exports.
                held = new(GoogleErrorCatalogue.DownloadQuota, $"Google limits downloads of {hold.Part} for up to a day.") { ResumeAfter = hold.Until };
            }

            Take(ingestion, known, stopped);
            if (stopped)
            {
                break;
            }

            if (ingestion.Record.Completeness == "pending")
            {
                pending.Add(ingestion);
            }
            else if (ingestion.Record is { Kind: "full", Completeness: "proven" or "assumed" })
            {
                NoteSightings(catalog, ingestion);
            }
        }

        Warn(locations.All.SelectMany(location => location.Storage.Remarks).Distinct(StringComparer.Ordinal));
        var complete = !stopped && pending.Count == 0 && held is null;
        if (library.HasChanges || saved is not null || basis is null || manifest?.IngestedDigest != digest || SnapshotMarks.IsIncomplete(newest!))
        {
            tracker.Phase = "Committing";
            manifest = Describe(catalog, complete ? digest : null, complete);
            saved = await library.SaveAsync(manifest, _sightings.Values, incomplete: !complete, cancellationToken);
        }

        return Hold(Report(saved!, manifest!, complete ? digest : null, stopped, pending), held);
    }

    private async Task LoadAsync(Snapshot? basis, Manifest? manifest, CancellationToken cancellationToken)
    {
        if (basis is null || manifest is null)
        {
            return;
        }

        _sets.AddRange(manifest.Sets);
        _shrunk = manifest.Shrunk;
        _gaps.AddRange(manifest.Missing.Where(gap => gap.Kind is not ("export" or "base")));
        _unmatched.AddRange(manifest.Unmatched);
        foreach (var album in manifest.Albums)
        {
            _albums[album.Folder] = album;
        }

        foreach (var sighting in await CatalogReader.ReadSightingsAsync(basis, cancellationToken))
        {
            _sightings[sighting.Id] = sighting;
        }
    }

    /// <summary>The time of the newest export that the library has, for telling increments.</summary>
    private DateTimeOffset? NewestExport() => _sets.Where(set => set.Kind != "selection").Max(set => set.Time);

    /// <summary>Every part is in, unchanged since, and the verdict about the export was final.</summary>
    private static bool IsIngested(ManifestSet held, TakeoutSet set) =>
        held.Completeness != "pending"
        && set.Parts.All(part => held.Parts.Any(known => known.Name == part.Path && known.Size == part.Size && known.Ingested && known.Version == SetIngestion.VersionOf(part)));

    private void Take(SetIngestion ingestion, int known, bool stopped)
    {
        var record = stopped ? ingestion.Record with { Completeness = "pending" } : ingestion.Record;
        if (known >= 0)
        {
            _sets[known] = record;
        }
        else
        {
            _sets.Add(record);
        }

        if (ingestion.Shrink is { } shrink)
        {
            _shrunk = shrink;
            Warn([$"{shrink.Set} shows {shrink.Shown} of {shrink.Known} items. Nothing is removed, and nothing is forgotten until this is explained."]);
        }
        else if (ingestion.Record.Kind == "full")
        {
            _shrunk = null;
        }

        if (record is { Kind: "full", Completeness: "proven" or "assumed" })
        {
            // A whole export shows all that there is, and names again what Google still cannot give. Damage to a file is healed by the file alone.
            var earlier = _sets.Where(set => set.Time < record.Time).Select(set => set.Name).ToHashSet(StringComparer.Ordinal);
            _gaps.RemoveAll(gap => gap.Set is { } from && earlier.Contains(from) && (gap.Kind is not "entry" || ingestion.Supplied.Contains(SetIngestion.NameInFolder(gap.Name))));
        }

        _gaps.AddRange(ingestion.Gaps);
        var told = ingestion.Unmatched.Select(note => note.Name).ToHashSet(StringComparer.Ordinal);
        _unmatched.RemoveAll(note => told.Contains(note.Name) || ingestion.Matched.Contains(note.Name));
        _unmatched.AddRange(ingestion.Unmatched.Take(Manifest.MostUnmatched - _unmatched.Count));
        Warn(ingestion.Warnings);
    }

    /// <summary>Only a whole full export may say that something is gone; the item itself stays.</summary>
    private void NoteSightings(LibraryCatalog catalog, SetIngestion ingestion)
    {
        var since = ingestion.Record.Time ?? time.GetUtcNow();
        foreach (var row in catalog.Rows)
        {
            var seen = ingestion.Seen.Contains(row);
            if (seen && _sightings.Count == 0)
            {
                continue;
            }

            var item = catalog.Read(row);
            if (seen)
            {
                _sightings.Remove(item.Id);
            }
            else
            {
                _sightings.TryAdd(item.Id, new(item.Id, item.MetadataFrom?.ToString("O", CultureInfo.InvariantCulture), since));
            }
        }
    }

    /// <param name="current">An export that is being read, whose next try must know what this one did.</param>
    private Manifest Describe(LibraryCatalog catalog, string? digest, bool complete, ManifestSet? current = null)
    {
        var sets = current is null ? _sets : [.. _sets.Where(set => set.Name != current.Name), current];
        var coverage = ExportChain.Follow(sets);
        ManifestGap[] missing = [.. _gaps, .. coverage.Gaps];
        var manifest = new Manifest()
        {
            Account = request.Origin,
            RunId = request.RunId,
            Time = time.GetUtcNow(),
            Shrunk = _shrunk,
            IngestedDigest = digest,
            CoveredThrough = coverage.CoveredThrough,
            Chain = coverage.Links,
            Counts = new(catalog.Count, catalog.Files, catalog.Bytes, _albums.Count, _unmatched.Count),
            Sets = [.. sets.OrderBy(set => set.Time ?? DateTimeOffset.MaxValue)],
            Albums = [.. _albums.Values.OrderBy(album => album.Folder, StringComparer.Ordinal)],
            Missing = missing,
            GapHash = ExportChain.Hash(missing),
            AcceptedGaps = request.AcceptedGaps,
            Unmatched = _unmatched,
            Warnings = _warnings,
            Selection = request.Selection is { } selection ? new(selection.IncludeAlbums, selection.ExcludeAlbums, selection.IncludeTrashed) : null,
            CannotShow = CannotShow,
        };
        return manifest with { Complete = complete && (missing.Length == 0 || ManifestSummary.IsAccepted(manifest)) };
    }

    private BackupReport Report(SnapshotHeader saved, Manifest manifest, string? digest, bool stopped, List<SetIngestion> pending)
    {
        var library = ManifestSummary.Library(manifest);
        var (outcome, error, message) = (stopped, pending.Count > 0, library.Missing > 0) switch
        {
            (true, _, _) => (RunOutcome.Paused, ErrorCatalogue.Cancelled, "The backup was stopped; what was read is in an incomplete snapshot, and the next backup goes on from it."),
            (_, true, _) => (RunOutcome.Paused, ErrorCatalogue.ExportArriving, $"{pending[0].Record.Name} may still be arriving; what is there is saved."),
            (_, _, true) => (RunOutcome.Incomplete, ErrorCatalogue.LibraryIncomplete,
                $"{Text.Count(library.Missing, "thing")} missing; the first: {manifest.Missing[0].Name}: {manifest.Missing[0].Reason}"),
            _ => (RunOutcome.Succeeded, (ErrorInfo?)null, (string?)null),
        };
        return new(
            outcome, error, message, saved.Id.ToString(), manifest.Counts.Files, manifest.Counts.Bytes, _totals.FilesRead, _totals.BytesRead,
            writer.Statistics.BytesStored, library.Missing, _warnings)
        {
            Library = library,
            Exports = ManifestSummary.Exports(manifest),
            IngestedDigest = digest,
            ItemsNew = _totals.ItemsNew,
            Actions = Actions(manifest),
            ResumeAfter = pending.Count > 0 ? pending.Max(set => set.SettledAt) : null,
        };
    }

    private static BackupReport Hold(BackupReport report, WorkerException? held) => held is null || report.Outcome == RunOutcome.Paused && report.Error == ErrorCatalogue.Cancelled
        ? report
        : report with
        {
            Outcome = RunOutcome.Paused,
            Error = held.Error,
            Message = held.Message + " What was read is saved.",
            ResumeAfter = held.ResumeAfter,
        };

    /// <summary>What a person has to do somewhere else.</summary>
    private List<RunAction> Actions(Manifest manifest)
    {
        var actions = manifest.Missing.Where(gap => gap.Kind == "part").Select(gap => new RunAction("ReplacePart", gap.Reason)).ToList();
        if (ManifestSummary.Exports(manifest).ScheduleEnds is { } ends && ends - time.GetUtcNow() < ScheduleWarning)
        {
            actions.Insert(0, new(
                "RenewExportSchedule",
                string.Create(CultureInfo.InvariantCulture, $"Google's schedule of exports ends about {ends:yyyy-MM-dd}: set up a new one."),
                "https://takeout.google.com/",
                ends));
        }

        return actions;
    }

    private static BackupReport Unchanged(SnapshotHeader newest, Manifest manifest, string digest)
    {
        var library = ManifestSummary.Library(manifest);
        return new(
            library.Missing > 0 ? RunOutcome.Incomplete : RunOutcome.NothingNew,
            library.Missing > 0 ? ErrorCatalogue.LibraryIncomplete : null,
            library.Missing > 0 ? $"Nothing new has arrived, and {Text.Count(library.Missing, "thing is", "things are")} still missing: {manifest.Missing[0].Name}" : null,
            newest.Id.ToString(), manifest.Counts.Files, manifest.Counts.Bytes, 0, 0, 0, library.Missing, [])
        {
            Library = library,
            Exports = ManifestSummary.Exports(manifest),
            IngestedDigest = digest,
        };
    }

    private void Warn(IEnumerable<string> messages) => _warnings.AddRange(messages.Take(Math.Max(0, MaxWarnings - _warnings.Count)));
}

/// <summary>What a run read, over all its exports.</summary>
internal sealed class TakeoutTotals
{
    public long FilesRead { get; set; }

    public long BytesRead { get; set; }

    public long ItemsNew { get; set; }
}
