using CsCheck;
using KlosetOperator.Admission;
using KlosetOperator.Api;

namespace KlosetOperator.Tests.Admission;

public sealed class AdmissionLedgerTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_repository_takes_no_more_Jobs_than_it_allows()
    {
        var ledger = new AdmissionLedger(100);
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("a", maxJobs: 2), Now));
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("b", maxJobs: 2), Now));
        Assert.Equal(Reasons.WaitingForSlot, Refusal(ledger.TryAdmit(Request("c", maxJobs: 2), Now)));
        ledger.Release("ns/a", Now);
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("c", maxJobs: 2), Now));
    }

    [Fact]
    public void One_account_has_one_Job_at_a_time()
    {
        var ledger = new AdmissionLedger(100);
        ledger.TryAdmit(Request("a", account: "alice"), Now);
        Assert.Equal(Reasons.WaitingForAccount, Refusal(ledger.TryAdmit(Request("b", account: "alice"), Now)));
    }

    [Fact]
    public void The_operator_takes_no_more_Jobs_than_it_is_told_to()
    {
        var ledger = new AdmissionLedger(1);
        ledger.TryAdmit(Request("a", repository: "one"), Now);
        Assert.Equal(Reasons.WaitingForSlot, Refusal(ledger.TryAdmit(Request("b", repository: "two"), Now)));
    }

    [Fact]
    public void Who_waits_longer_goes_first_and_increments_go_before_first_backups()
    {
        var ledger = new AdmissionLedger(1);
        var woken = new List<string>();
        ledger.Freed += claimants => woken.AddRange(claimants.Select(claimant => claimant.Name));
        ledger.TryAdmit(Request("running"), Now);
        ledger.TryAdmit(Request("first", due: -60, first: true), Now);
        ledger.TryAdmit(Request("young", due: -1), Now);
        ledger.TryAdmit(Request("old", due: -30), Now);
        ledger.Release("ns/running", Now);
        Assert.Equal(["old"], woken);

        // The slot is kept for the one that was woken, whoever asks first.
        Assert.Equal(Reasons.WaitingForSlot, Refusal(ledger.TryAdmit(Request("young", due: -1), Now)));
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("old", due: -30), Now));
    }

    [Fact]
    public void Of_many_that_are_due_whenever_they_are_looked_at_each_gets_its_turn()
    {
        var ledger = new AdmissionLedger(100);
        var woken = new Queue<string>();
        ledger.Freed += claimants => claimants.ToList().ForEach(claimant => woken.Enqueue(claimant.Name));
        var running = new Queue<string>();
        var now = Now;
        var looks = 0;
        void Ask(string name)
        {
            now = now.AddSeconds(1);
            if (ledger.TryAdmit(Request(name, due: ++looks, maxJobs: 2), now) is AdmissionAnswer.Admitted)
            {
                running.Enqueue(name);
            }
        }

        var all = Enumerable.Range(0, 12).Select(number => $"b{number:d2}").ToList();
        all.ForEach(Ask);
        var done = new List<string>();
        while (running.TryDequeue(out var ended))
        {
            done.Add(ended);
            ledger.Release($"ns/{ended}", now);
            while (woken.TryDequeue(out var next))
            {
                Ask(next);
            }
        }

        Assert.Equal(all, done);
    }

    [Fact]
    public void A_slot_that_its_waiter_no_longer_wants_goes_to_the_next()
    {
        var ledger = new AdmissionLedger(1);
        ledger.TryAdmit(Request("running"), Now);
        ledger.TryAdmit(Request("old", due: -30), Now);
        ledger.TryAdmit(Request("young", due: -1), Now);
        ledger.Release("ns/running", Now);
        ledger.Withdraw(new Claimant(PhotoBackup.KubeKind, "ns", "old"), Now);
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("young", due: -1), Now));
    }

    [Fact]
    public void Maintenance_has_the_repository_for_itself_and_is_not_starved()
    {
        var ledger = new AdmissionLedger(100);
        ledger.TryAdmit(Request("a"), Now);
        Assert.Equal(Reasons.WaitingForSlot, Refusal(ledger.TryAdmit(Request("maintain", exclusive: true), Now)));
        Assert.Equal(Reasons.WaitingForMaintenance, Refusal(ledger.TryAdmit(Request("b"), Now)));
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("elsewhere", repository: "two"), Now));
        ledger.Release("ns/a", Now);
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("maintain", exclusive: true), Now));
        Assert.Equal(Reasons.WaitingForMaintenance, Refusal(ledger.TryAdmit(Request("b"), Now)));
    }

    [Fact]
    public void A_used_up_quota_holds_back_its_whole_group_until_the_reset()
    {
        var ledger = new AdmissionLedger(100);
        ledger.PauseQuota("google", Now.AddHours(3));
        var refused = Assert.IsType<AdmissionAnswer.Refused>(ledger.TryAdmit(Request("a", quota: "google"), Now));
        Assert.Equal((Reasons.WaitingForQuota, Now.AddHours(3)), (refused.Reason, refused.Until));
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("b", quota: "other"), Now));
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("a", quota: "google"), Now.AddHours(3)));
    }

    [Fact]
    public void Asking_again_for_a_Job_that_is_admitted_changes_nothing()
    {
        var ledger = new AdmissionLedger(1);
        ledger.TryAdmit(Request("a"), Now);
        Assert.IsType<AdmissionAnswer.Admitted>(ledger.TryAdmit(Request("a"), Now));
        Assert.Equal(1, ledger.Held);
    }

    [Fact]
    public void Whatever_comes_no_limit_is_ever_passed_and_everybody_gets_a_turn() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[1, 3], Gen.Select(Gen.Int[0, 2], Gen.Int[0, 3], Gen.Int[0, 9], Gen.Bool).Array[1, 25]).Sample((global, perRepository, wanted) =>
        {
            var ledger = new AdmissionLedger(global);
            var open = wanted.Select((want, i) => Request(
                $"j{i}", $"r{want.Item1}", $"r{want.Item1}-a{want.Item2}", due: -want.Item3, first: want.Item4, maxJobs: perRepository, exclusive: i % 11 == 10)).ToList();
            var running = new List<AdmissionRequest>();
            for (var round = 0; open.Count > 0; round++)
            {
                Assert.True(round < 200, "somebody never got a turn");
                foreach (var request in open.ToArray())
                {
                    if (ledger.TryAdmit(request, Now) is AdmissionAnswer.Admitted)
                    {
                        open.Remove(request);
                        running.Add(request);
                        Assert.True(running.Count <= global);
                        Assert.All(running.GroupBy(one => one.Ticket.Repository), group =>
                        {
                            Assert.True(group.Count() <= perRepository);
                            Assert.True(group.Count() == 1 || group.All(one => !one.Ticket.Exclusive));
                        });
                        Assert.All(running.GroupBy(one => one.Ticket.Account), group => Assert.Single(group));
                    }
                }

                if (running.Count > 0)
                {
                    ledger.Release(running[0].Job, Now);
                    running.RemoveAt(0);
                }
            }
        }, iter: 200, seed: "0N0XIzNsQ0O2");

    private static AdmissionRequest Request(
        string name, string repository = "repo", string? account = null, string? quota = null, int due = 0, bool first = false, int maxJobs = 4, bool exclusive = false) =>
        new(
            new Claimant(PhotoBackup.KubeKind, "ns", name), $"ns/{name}", new AdmissionTicket(repository, account ?? name, quota, exclusive), Now.AddMinutes(due), first, maxJobs);

    private static string Refusal(AdmissionAnswer answer) => Assert.IsType<AdmissionAnswer.Refused>(answer).Reason;
}
