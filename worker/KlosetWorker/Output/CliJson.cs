using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using KlosetWorker.Contract;
using KlosetWorker.Restoring.GoogleLibrary;

namespace KlosetWorker.Output;

/// <summary>What `--json` prints; each record is described in docs/reference/cli.md.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ErrorOutput))]
[JsonSerializable(typeof(CreateOutput))]
[JsonSerializable(typeof(SnapshotsOutput))]
[JsonSerializable(typeof(EntryOutput))]
[JsonSerializable(typeof(CheckOutput))]
[JsonSerializable(typeof(InfoOutput))]
[JsonSerializable(typeof(RestoreOutput))]
[JsonSerializable(typeof(BackupOutput))]
[JsonSerializable(typeof(FindOutput))]
[JsonSerializable(typeof(DiffChangeOutput))]
[JsonSerializable(typeof(ExportOutput))]
[JsonSerializable(typeof(DoctorOutput))]
[JsonSerializable(typeof(RecoveryKitOutput))]
[JsonSerializable(typeof(DuOutput))]
[JsonSerializable(typeof(ForgetOutput))]
[JsonSerializable(typeof(MaintainOutput))]
[JsonSerializable(typeof(PinsOutput))]
[JsonSerializable(typeof(LoginCheckOutput))]
[JsonSerializable(typeof(CopyOutput))]
[JsonSerializable(typeof(GooglePlanOutput))]
[JsonSerializable(typeof(GoogleRestoreOutput))]
[JsonSerializable(typeof(RunResult))]
internal sealed partial class CliJson : JsonSerializerContext
{
    /// <summary>One line a value; names in their own script instead of escapes, since the reader is no web page.</summary>
    public static CliJson Readable => field ??= new(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}

internal sealed record ErrorOutput(ErrorDetails Error);

internal sealed record ErrorDetails(string Code, int ExitCode, string Message, string Meaning, string Remedy);

internal sealed record LoginCheckOutput(string Purpose, string Credential, string? Account, DateTimeOffset? Expires);

internal sealed record CreateOutput(string Location, Guid RepositoryId, bool Encrypted, string? KeyFingerprint);

internal sealed record SnapshotsOutput(IReadOnlyList<SnapshotOutput> Snapshots);

internal sealed record SnapshotOutput(
    string Id,
    DateTimeOffset Time,
    string Type,
    string Origin,
    string Directory,
    string Name,
    long Files,
    long Bytes,
    long Errors,
    bool Incomplete,
    double Seconds,
    IReadOnlyList<string> Tags,
    string? RunId,
    long? Items);

internal sealed record EntryOutput(
    string Path,
    string Kind,
    long Size,
    DateTimeOffset Modified,
    string Mode,
    string? ContentType,
    string? Object,
    string? Target);

internal sealed record CheckOutput(
    string Level,
    bool Clean,
    long Snapshots,
    long Files,
    long Chunks,
    long BytesRead,
    DateTimeOffset? AllDataRead,
    RepairOutput? Repair,
    IReadOnlyList<CheckFindingOutput> Findings);

internal sealed record CopyOutput(
    string Target,
    IReadOnlyList<string> Copied,
    IReadOnlyList<string> Present,
    long Files,
    long BytesRead,
    long BytesStored,
    double Seconds);

internal sealed record RepairOutput(
    bool DryRun,
    IReadOnlyList<string> States,
    long Packfiles,
    long Blobs,
    IReadOnlyList<string> SnapshotsBack,
    IReadOnlyList<string> Remarks);

internal sealed record CheckFindingOutput(
    string Kind,
    string Object,
    string Message,
    IReadOnlyList<string> Snapshots,
    IReadOnlyList<string> Paths,
    long AffectedPaths);

internal sealed record InfoOutput(
    string Location,
    Guid RepositoryId,
    DateTimeOffset Created,
    bool Encrypted,
    string? KeyFingerprint,
    string? KeyDerivation,
    string Hashing,
    string? Compression,
    string Chunking,
    long PackfileBytes,
    long Snapshots,
    long Packfiles,
    long States,
    long Blobs,
    long StoredBytes,
    DateTimeOffset? Oldest,
    DateTimeOffset? Newest,
    DateTimeOffset? AllDataRead,
    IReadOnlyList<LineageOutput> Lineages,
    IReadOnlyList<LockOutput> Locks,
    IReadOnlyList<string> Problems);

internal sealed record LineageOutput(string Type, string Origin, string Directory, long Snapshots, DateTimeOffset Newest, bool Incomplete);

internal sealed record LockOutput(string Id, DateTimeOffset Time, string HostName, bool Exclusive, bool Stale);

internal sealed record RestoreOutput(
    string SnapshotId,
    string Target,
    long Files,
    long Bytes,
    long AlreadyThere,
    long Skipped,
    long Failed,
    double Seconds,
    IReadOnlyList<string> Warnings);

internal sealed record GooglePlanOutput(
    string SnapshotId,
    string Target,
    long Items,
    long Bytes,
    long Albums,
    long Requests,
    int Days,
    long LikelyDuplicates,
    string Hash,
    IReadOnlyList<string> Losses,
    IReadOnlyList<LeftOut> LeftOut);

internal sealed record GoogleRestoreOutput(bool Complete, string? Code, string? Message, DateTimeOffset? ResumeAfter, double Seconds, GoogleRestoreReport Report);

internal sealed record BackupOutput(
    string Outcome,
    string? SnapshotId,
    long Files,
    long Bytes,
    long FilesRead,
    long BytesRead,
    long BytesStored,
    long Errors,
    double Seconds,
    IReadOnlyList<string> Warnings,
    LibraryTotals? Library,
    ExportsSummary? Exports);

internal sealed record FindOutput(string SnapshotId, IReadOnlyList<FindItemOutput> Items);

internal sealed record FindItemOutput(
    string Id,
    string? Title,
    DateTimeOffset? Taken,
    string Path,
    long Size,
    string? Mime,
    IReadOnlyList<string> Albums,
    IReadOnlyList<string> People,
    string? Description,
    bool Favourite,
    double? Latitude,
    double? Longitude);

internal sealed record DiffChangeOutput(
    string Change,
    string Path,
    string Kind,
    long? FromSize,
    long? ToSize,
    DateTimeOffset? FromModified,
    DateTimeOffset? ToModified);

internal sealed record ExportOutput(
    string SnapshotId,
    string Target,
    string Format,
    long Files,
    long Bytes,
    double Seconds,
    IReadOnlyList<string> Warnings);

internal sealed record DuOutput(
    IReadOnlyList<DuSnapshotOutput> Snapshots,
    long StoredBytes,
    long UnneededBytes,
    long PaddingBytes,
    long Unreadable,
    IReadOnlyList<DuFolderOutput>? Folders);

internal sealed record DuSnapshotOutput(
    string Id,
    DateTimeOffset Time,
    string Origin,
    long Files,
    long LogicalBytes,
    long StoredBytes,
    long UniqueBytes,
    long Blobs);

internal sealed record DuFolderOutput(string Path, long Bytes, long Files);

internal sealed record DoctorOutput(bool Well, IReadOnlyList<DoctorLineOutput> Lines);

internal sealed record DoctorLineOutput(string Subject, string Verdict, string Message, string? Remedy);

internal sealed record RecoveryKitOutput(
    string Location,
    Guid RepositoryId,
    DateTimeOffset Created,
    bool Encrypted,
    string? KeyFingerprint,
    IReadOnlyList<string> Kloset,
    IReadOnlyList<string> Plakar);

internal sealed record ForgetOutput(bool DryRun, IReadOnlyList<ForgetLineageOutput> Lineages);

internal sealed record ForgetLineageOutput(
    string Type,
    string Origin,
    string Directory,
    IReadOnlyList<string> Forgotten,
    IReadOnlyList<ForgetKeptOutput> Kept,
    IReadOnlyList<string> Waiting,
    string? WaitingHash,
    string? Shrunk);

internal sealed record ForgetKeptOutput(string Id, DateTimeOffset Time, IReadOnlyList<string> Reasons);

internal sealed record MaintainOutput(
    bool DryRun,
    int Snapshots,
    PackfilesOutput Live,
    PackfilesOutput Marked,
    PackfilesOutput Rescued,
    PackfilesOutput Removed,
    PackfilesOutput Waiting,
    PackfilesOutput Young,
    PackfilesOutput Retained,
    DateTimeOffset? NextRemoval,
    int Extended,
    double Seconds,
    IReadOnlyList<string> Warnings);

internal sealed record PackfilesOutput(int Packfiles, long Bytes);

internal sealed record PinsOutput(IReadOnlyList<PinOutput> Pins);

internal sealed record PinOutput(string SnapshotId, string Holder, DateTimeOffset Since);
