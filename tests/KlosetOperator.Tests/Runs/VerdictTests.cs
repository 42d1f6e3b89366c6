using KlosetOperator.Api;
using KlosetOperator.Runs;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Runs;

public sealed class VerdictTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_good_end_needs_both_the_exit_code_and_the_result()
    {
        Assert.Equal(Outcomes.Succeeded, Verdict.Of("run", End(0, RunOutcome.Succeeded)).Outcome);
        Assert.Equal(Outcomes.NothingNew, Verdict.Of("run", End(0, RunOutcome.NothingNew)).Outcome);
        Assert.Equal(Outcomes.Lost, Verdict.Of("run", End(0, null)).Outcome);
        Assert.Equal(Outcomes.Lost, Verdict.Of("another run", End(0, RunOutcome.Succeeded)).Outcome);
        Assert.Equal(Outcomes.Incomplete, Verdict.Of("run", End(0, RunOutcome.Incomplete)).Outcome);
        Assert.NotEqual(Outcomes.Succeeded, Verdict.Of("run", End(7, RunOutcome.Succeeded)).Outcome);
    }

    [Fact]
    public void No_pod_and_no_result_is_lost_and_never_guessed() =>
        Assert.Equal(Outcomes.Lost, Verdict.Of("run", End(null, null, jobSucceeded: true)).Outcome);

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_exit_code_of_the_contract_has_its_class(int code)
    {
        var row = ExitCodes.Find(code)!;
        var verdict = Verdict.Of("run", End(code, null));
        if (code != 0)
        {
            Assert.Equal((row.Reason, row.Retry), (verdict.Reason, verdict.Retry));
            Assert.StartsWith(row.Meaning, verdict.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_kill_for_memory_says_what_to_raise()
    {
        var verdict = Verdict.Of("run", End(137, null) with { OutOfMemory = true });
        Assert.Equal((Reasons.OutOfMemory, RetryClass.BackOff), (verdict.Reason, verdict.Retry));
        Assert.Contains("limits.memory", verdict.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{\"schema\":2,\"runId\":\"run\",\"outcome\":\"Succeeded\",\"reason\":\"Succeeded\"}")]
    [InlineData("panic: out of luck")]
    public void A_message_that_is_no_result_of_ours_is_not_believed(string message) =>
        Assert.Equal(Outcomes.Lost, Verdict.Of("run", End(0, null) with { TerminationMessage = message }).Outcome);

    public static TheoryData<int> Codes() => new(ExitCodes.All.Select(row => (int)row.Code));

    private static RunEnd End(int? code, RunOutcome? outcome, bool jobSucceeded = false) => new()
    {
        Time = Now,
        JobSucceeded = jobSucceeded || code == 0,
        ExitCode = code,
        TerminationMessage = outcome is { } said ? RunResult.ToJson(new RunResult { RunId = "run", Outcome = said, Reason = said.ToString() }) : null,
    };
}
