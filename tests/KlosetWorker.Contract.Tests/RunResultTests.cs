using System.Text;
using System.Text.Json;
using CsCheck;

namespace KlosetWorker.Contract.Tests;

public sealed class RunResultTests
{
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String[Gen.Char['a', 'z'], 0, 80],
        Gen.String[Gen.Char['\u0020', '\uD7FF'], 0, 600],
        Gen.Int[0, 900].Select(length => string.Concat(Enumerable.Repeat("\U0001F4F7", length))),
        Gen.Int[0, 6000].Select(length => new string('"', length)));

    private static readonly Gen<string?> OptionalText = Gen.OneOf(Gen.Const((string?)null), Text.Select(text => (string?)text));

    private static readonly Gen<DateTimeOffset> Time =
        Gen.Long[0, 4_000_000_000].Select(seconds => DateTimeOffset.FromUnixTimeSeconds(seconds));

    private static readonly Gen<RunResult> Results =
        from outcome in Gen.Enum<RunOutcome>()
        from message in OptionalText
        from hint in OptionalText
        from digest in OptionalText
        from missing in Text.Array[0, 20]
        from safe in Text.Array[0, 20]
        from losses in Text.Array[0, 20]
        from warnings in Text.Array[0, 20]
        from snapshots in Gen.Select(Text, Time, Gen.Long, Gen.Long, (id, time, items, bytes) => new SnapshotSummary(id, time, items, bytes)).Array[0, 10]
        from actions in Gen.Select(Text, Text, OptionalText, (kind, words, url) => new RunAction(kind, words, url)).Array[0, 5]
        from snapshot in OptionalText
        select new RunResult
        {
            RunId = "8f0d/1",
            Outcome = outcome,
            Reason = ErrorCatalogue.LibraryIncomplete.Code,
            Message = message,
            Hint = hint,
            IngestedDigest = digest,
            SnapshotId = snapshot,
            RepositoryId = Guid.Empty,
            Library = new(1, 2, 3, "gap", missing),
            Exports = new(DateTimeOffset.UnixEpoch, "set", 3, SafeToDelete: safe),
            Plan = new(1, 2, 3, "hash", losses),
            Warnings = warnings,
            Snapshots = snapshots,
            Actions = actions,
            Transfer = new(1, 2, 3, 4, 5.5),
            Repository = new(1, 2, 3),
        };

    [Fact]
    public void A_result_always_fits_a_termination_message_and_is_whole_JSON() =>
        Results.Sample(
            result =>
            {
                var message = result.ToTerminationMessage();
                var read = RunResult.Parse(message);
                return Encoding.UTF8.GetByteCount(message) <= RunResult.MaxBytes
                    && read.RunId == result.RunId && read.Outcome == result.Outcome && read.Reason == result.Reason;
            },
            iter: 200,
            seed: "0000KlosetWorker");

    [Fact]
    public void What_fits_is_not_shortened()
    {
        var result = new RunResult { RunId = "1", Outcome = RunOutcome.Succeeded, Reason = "Succeeded", Warnings = ["one"], Hint = "two" };

        Assert.Equal(RunResult.ToJson(result), result.ToTerminationMessage());
    }

    [Fact]
    public void Warnings_go_first_and_coverage_stays()
    {
        var result = new RunResult
        {
            RunId = "1",
            Outcome = RunOutcome.Incomplete,
            Reason = "LibraryIncomplete",
            Message = "3 items are missing",
            Warnings = [new string('w', 5000)],
            Exports = new(DateTimeOffset.UnixEpoch, "takeout-20260921T101112Z", 2),
            Library = new(10, 20, 3),
        };

        var read = RunResult.Parse(result.ToTerminationMessage());

        Assert.Null(read.Warnings);
        Assert.Equal(result.Exports, read.Exports);
        Assert.Equal(result.Library, read.Library);
        Assert.Equal(result.Message, read.Message);
    }

    [Fact]
    public void Even_a_senseless_run_id_cannot_make_it_too_long()
    {
        var result = new RunResult { RunId = new('x', 10_000), Outcome = RunOutcome.Failed, Reason = "InternalError" };

        Assert.True(Encoding.UTF8.GetByteCount(result.ToTerminationMessage()) <= RunResult.MaxBytes);
    }

    [Fact]
    public void What_is_no_result_is_refused() => Assert.Throws<JsonException>(() => RunResult.Parse("null"));

    [Fact]
    public void A_progress_line_is_told_from_other_lines()
    {
        var progress = new RunProgress { Phase = "Reading", ItemsDone = 3, ItemsTotal = 10, BytesDone = 4096, Time = DateTimeOffset.UnixEpoch, EtaSeconds = 7 };

        Assert.Equal(progress, RunProgress.TryParseLine(progress.ToLine()));
        Assert.DoesNotContain('\n', progress.ToLine());
        Assert.Null(RunProgress.TryParseLine("warning: a file changed"));
        Assert.Null(RunProgress.TryParseLine("{\"progress\": yes"));
    }
}
