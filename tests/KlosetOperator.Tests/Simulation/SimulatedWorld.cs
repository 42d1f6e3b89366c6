using System.Text.Json.Nodes;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Api;
using Microsoft.Extensions.Time.Testing;

namespace KlosetOperator.Tests.Simulation;

/// <summary>One life of a small household under an operator (or two), drawn from one seed, and what must hold at every moment of it.</summary>
internal sealed class SimulatedWorld : IAsyncDisposable
{
    private const string Backups = "photobackups";
    private const string Repositories = "klosetrepositories";
    private const string Restores = "photorestores";
    private const string Space = "photos";
    private static readonly string[] Accounts = ["alice", "bob"];
    private readonly Random _random;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero)) { AutoAdvanceAmount = TimeSpan.Zero };
    private readonly SimulatedApi _api;
    private readonly SimulatedCluster _cluster;
    private readonly List<SimulatedOperator> _operators = [];
    private readonly List<string> _trace = [];
    private readonly int _leaders;
    private bool _calm;
    private int _annotations;

    public SimulatedWorld(int seed, int leaders)
    {
        _random = new Random(seed);
        _leaders = leaders;
        _api = new SimulatedApi(_time);
        _cluster = new SimulatedCluster(_api, _time, _random);
        Make("secrets", "v1", "Secret", "kloset", "{}");
        Make("persistentvolumeclaims", "v1", "PersistentVolumeClaim", "kloset", """{"accessModes":["ReadWriteMany"]}""");
        Make("persistentvolumeclaims", "v1", "PersistentVolumeClaim", "drop", """{"accessModes":["ReadWriteMany"]}""");
        Make(Repositories, ApiGroup.GroupVersion, "KlosetRepository", "family", """{"backend":{"volume":{"claimName":"kloset"}},"encryption":{"passphraseSecretRef":{"name":"kloset","key":"passphrase"}}}""");
        foreach (var account in Accounts)
        {
            Make(Backups, ApiGroup.GroupVersion, "PhotoBackup", account, """{"repositoryRef":{"name":"family"},"account":{"id":"ACCOUNT"},"source":{"takeout":{"locations":[{"volume":{"claimName":"drop"}}]}},"schedule":{"cron":"H H/6 * * *","jitter":"30m"}}""".Replace("ACCOUNT", account, StringComparison.Ordinal));
        }

        Make(Restores, ApiGroup.GroupVersion, "PhotoRestore", "back", """{"source":{"backupRef":{"name":"alice"},"latest":true},"target":{"volume":{"claimName":"drop"}}}""");
        for (var i = 0; i < leaders; i++)
        {
            _operators.Add(NewOperator());
        }
    }

    /// <summary>So many random things happen.</summary>
    public async Task LiveAsync(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            switch (_random.Next(100))
            {
                case < 40:
                    Work(_operators[_random.Next(_operators.Count)]);
                    break;
                case < 65:
                    Deliver(_operators[_random.Next(_operators.Count)]);
                    break;
                case < 80:
                    _cluster.Step();
                    break;
                case < 90:
                    _time.Advance(TimeSpan.FromSeconds(_random.Next(3) == 0 ? _random.Next(1, 4 * 3600) : _random.Next(1, 120)));
                    break;
                case < 92:
                    _operators[_random.Next(_operators.Count)].Line.IsDead = true;
                    break;
                case < 94:
                    Relist(_operators[_random.Next(_operators.Count)]);
                    break;
                case 94:
                    _cluster.LoseNode();
                    break;
                case 95:
                    _cluster.FindNode();
                    break;
                case 96:
                    _cluster.EvictPod();
                    break;
                case 97:
                    JumpClock();
                    break;
                default:
                    Meddle();
                    break;
            }

            await BuryAsync();
        }
    }

    /// <summary>Nothing goes wrong any more: everything must become fine, and then quiet.</summary>
    public async Task SettleAsync()
    {
        _calm = true;
        _cluster.IsHealthy = true;
        _cluster.FindNode();
        foreach (var (kind, name) in Accounts.Select(account => (Backups, account)).Append((Restores, "back")))
        {
            Change(kind, name, entity => entity["spec"]!["suspend"] = false);
        }

        await BuryAsync();
        foreach (var one in _operators)
        {
            Relist(one);
        }

        for (var i = 0; i < 3000 && !IsFine(); i++)
        {
            if (!Quiesce())
            {
                _time.Advance(TimeSpan.FromMinutes(5));
            }

            if (i % 50 == 0)
            {
                // What was still on its way may have stalled them after the last time.
                foreach (var (kind, name) in Accounts.Select(account => (Backups, account)).Append((Restores, "back")).Append((Repositories, "family")))
                {
                    Annotate(kind, name, Annotations.Retry, $"at last {i}");
                }
            }
        }

        Assert.True(IsFine(), "did not become fine:\n" + Explain());

        // From here on a day costs what its runs cost, and nothing else.
        var before = _time.GetUtcNow();
        Count(out var jobs, out var writes);
        while (_time.GetUtcNow() < before.AddDays(1))
        {
            Quiesce();
            _time.Advance(TimeSpan.FromMinutes(10));
        }

        Quiesce();
        Count(out var laterJobs, out var laterWrites);
        var runs = laterJobs - jobs;
        Assert.InRange(runs, 2, 20); // eight backups, a check, perhaps maintenance, and what was behind
        Assert.True(laterWrites - writes <= ((6 * runs) + 8) * _leaders, $"{laterWrites - writes} writes for {runs} runs\n" + Explain());
        Assert.True(IsFine(), "did not stay fine:\n" + Explain());

        // What has ended is not kept for ever: of each kind the newest that did well, three that did not, and one that is active. What the other of two
        // leaders never recorded goes by its own time to live.
        Assert.All(
            _api.List("jobs").Select(_api.Typed<V1Job>).GroupBy(job => (job.Metadata.OwnerReferences[0].Uid, job.Metadata.Labels[Labels.RunKind])).Where(_ => _leaders == 1),
            owned => Assert.True(owned.Count() <= 5, $"{owned.Count()} Jobs of one owner and kind"));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _operators)
        {
            await one.DisposeAsync();
        }
    }

    private readonly HashSet<string> _created = [];

    private void Count(out int jobs, out int writes) => (jobs, writes) = (_created.Count, _api.Writes);

    private SimulatedOperator NewOperator()
    {
        var line = new Line((verb, kind) => _calm ? CallFault.None : _random.Next(25) switch
        {
            0 => CallFault.DieBefore,
            1 => CallFault.DieAfter,
            2 => CallFault.Refuse,
            3 => CallFault.Conflict,
            4 => CallFault.LoseAnswer,
            _ => CallFault.None,
        })
        { Took = Check };
        return new SimulatedOperator(_api, line, _time, _ => """{"progress":1,"phase":"Reading","itemsDone":5,"bytesDone":1,"time":"2026-11-23T12:00:00Z"}""", mostJobs: 3);
    }

    private void Work(SimulatedOperator one)
    {
        var ready = one.Ready;
        if (ready.Count > 0)
        {
            SimulatedOperator.Step(ready[_random.Next(ready.Count)]);
        }
    }

    private void Deliver(SimulatedOperator one)
    {
        var feed = one.Feeds[_random.Next(one.Feeds.Count)];
        switch (_random.Next(20))
        {
            // A leader that misses events beside another one is what the lease is for.
            case 0 when _leaders == 1:
                feed.Drop();
                break;
            case 1:
                feed.Repeat();
                break;
            case 2 when _leaders == 1:
                feed.Swap();
                break;
            default:
                feed.Next();
                break;
        }
    }

    private static void Relist(SimulatedOperator one)
    {
        foreach (var feed in one.Feeds)
        {
            feed.List();
        }
    }

    /// <summary>The wall clock is set; the monotonic one, by which delays run, is not.</summary>
    private void JumpClock()
    {
        if (_random.Next(2) == 0)
        {
            _time.Advance(TimeSpan.FromDays(_random.Next(1, 3)));
        }
        else
        {
            _time.AdjustTime(_time.GetUtcNow() - TimeSpan.FromMinutes(_random.Next(1, 90)));
        }
    }

    /// <summary>People.</summary>
    private void Meddle()
    {
        var account = Accounts[_random.Next(Accounts.Length)];
        switch (_random.Next(6))
        {
            case 0:
                Annotate(Backups, account, Annotations.Run, $"r{_annotations++}");
                break;
            case 1:
                Annotate(Backups, account, Annotations.Retry, $"t{_annotations++}");
                break;
            case 2:
                Change(Backups, account, entity => entity["spec"]!["suspend"] = _random.Next(2) == 0);
                break;
            case 3:
                Annotate("secrets", "kloset", "touched", $"{_annotations++}");
                break;
            case 4:
                Change(Restores, "back", entity => entity["spec"]!["suspend"] = _random.Next(3) == 0);
                break;
            default:
                // Only a Job that the status knows of: one that vanishes before anybody saw it was never there.
                var active = (string?)_api.Get(Backups, Key(account))!["status"]?["active"]?["job"];
                if (active is not null && _leaders == 1)
                {
                    _api.Delete("jobs", Key(active));
                }

                break;
        }
    }

    /// <summary>A dead operator's successor knows what the API server holds, and nothing else.</summary>
    private async Task BuryAsync()
    {
        for (var i = 0; i < _operators.Count; i++)
        {
            if (_operators[i].Line.IsDead)
            {
                await _operators[i].DisposeAsync();
                _operators[i] = NewOperator();
            }
        }
    }

    private bool Quiesce() => Rest.Reach(_operators, _api, _cluster, Explain);

    private bool IsFine() =>
        Accounts.All(account => Status(Backups, account) is { } status
            && (string?)status["runs"]?[0]?["outcome"] is "Succeeded" && Is(status, "Ready", "True") && Is(status, "Complete", "True") && Is(status, "Protected", "True")
            && status["active"] is null)
        && Is(Status(Repositories, "family"), "Ready", "True")
        && Is(Status(Restores, "back"), "Succeeded", "True");

    // ---- what must hold at every moment

    private void Check(string verb, string kind, JsonObject? entity)
    {
        if (verb is not "get" && entity is not null)
        {
            _api.Writes++;
            _trace.Add($"{_time.GetUtcNow():dd HH:mm:ss} {verb} {kind} {entity["metadata"]!["name"]}");
        }

        if (verb == "create" && kind == "jobs")
        {
            CheckJob(_api.Typed<V1Job>(entity!));
        }
        else if (verb == "apply" && kind == Backups)
        {
            CheckBackup(_api.Typed<PhotoBackup>(entity!));
        }

        if (verb == "apply")
        {
            var status = entity!["status"]!.ToJsonString();
            Assert.True(status.Length < 32 * 1024, $"a status of {status.Length} bytes");
            var types = entity["status"]!["conditions"]!.AsArray().Select(condition => (string)condition!["type"]!).ToList();
            Assert.Equal(types.Distinct(), types);
            Assert.False(types.Contains("Stalled") && types.Contains("Reconciling"));
        }
    }

    private void CheckJob(V1Job job)
    {
        Assert.True(_created.Add(job.Metadata.Uid));
        var owner = job.Metadata.OwnerReferences[0].Uid;
        var kind = job.Metadata.Labels[Labels.RunKind];
        var others = _cluster.ActiveJobs.Where(other => other.Metadata.Uid != job.Metadata.Uid).ToList();
        if (_leaders == 1)
        {
            Assert.DoesNotContain(others, other => other.Metadata.OwnerReferences[0].Uid == owner && other.Metadata.DeletionTimestamp is null);
            Assert.True(kind != "maintain" || others.All(other => other.Spec.Suspend == true || other.Metadata.DeletionTimestamp is not null), "maintenance is not alone:\n" + Explain());
            Assert.True(others.Count(other => other.Metadata.DeletionTimestamp is null) < 3, "more Jobs than are allowed:\n" + Explain());
        }

        if (kind == "backup")
        {
            var slot = job.Metadata.Annotations[JobBuilder.SlotAnnotation];
            Assert.True(!_cluster.Completed.Contains((owner, slot)), $"a second Job for the slot {slot}, which is done:\n" + Explain());
            Assert.DoesNotContain(others, other =>
                other.Metadata.DeletionTimestamp is null && other.Metadata.OwnerReferences[0].Uid == owner && other.Metadata.Annotations[JobBuilder.SlotAnnotation] == slot
                && other.Metadata.Labels[Labels.RunKind] == "backup");
        }
    }

    private void CheckBackup(PhotoBackup backup)
    {
        var status = backup.Status!;
        var truth = _cluster.Truth.GetValueOrDefault(backup.Spec.Account.Id) ?? [];
        foreach (var run in status.Runs ?? [])
        {
            var held = truth.FirstOrDefault(snapshot => snapshot.RunId == run.Id);
            Assert.True(run.Outcome is not Outcomes.Succeeded || held is { Missing: 0 }, $"{run.Id} is called a success and is not:\n" + Explain());
            Assert.True(run.Outcome is not Outcomes.Incomplete || held is { Missing: > 0 }, $"{run.Id} is called incomplete and is not:\n" + Explain());
        }

        string Condition(string type) => status.Conditions!.First(condition => condition.Type == type).Status;
        var judged = status.Runs?.FirstOrDefault(run => run.Outcome is Outcomes.Succeeded or Outcomes.Incomplete);
        Assert.True(judged is null || judged.Outcome != Outcomes.Incomplete || Condition("Complete") != "True", "a hole, and Complete:\n" + Explain());
        Assert.True(status.LastSuccessTime is null || truth.Any(snapshot => snapshot.Missing == 0), "success without a snapshot:\n" + Explain());
        Assert.True(Condition("Complete") != "True" || truth.Any(snapshot => snapshot.Missing == 0), "complete without a snapshot:\n" + Explain());
        Assert.True(status.CoveredThrough is null || truth.Any(snapshot => snapshot.CoveredThrough == status.CoveredThrough), "covered by nothing:\n" + Explain());
        Assert.True(Condition("Protected") != "True" || _time.GetUtcNow() - status.CoveredThrough <= TimeSpan.FromDays(75), "protected too long:\n" + Explain());
    }

    // ---- small change

    private string Explain() => string.Join('\n', _trace.TakeLast(60)) + "\n"
        + string.Join('\n', new[] { (Repositories, "family"), (Backups, "alice"), (Backups, "bob"), (Restores, "back") }.Select(name => $"{name.Item2}: {Status(name.Item1, name.Item2)?.ToJsonString()}"))
        + "\n" + string.Join('\n', _cluster.ActiveJobs.Select(job => $"active {job.Metadata.Name} suspend={job.Spec.Suspend} deleted={job.Metadata.DeletionTimestamp}"));

    private JsonNode? Status(string kind, string name) => _api.Get(kind, Key(name))?["status"];

    private static bool Is(JsonNode? status, string type, string value) =>
        (string?)status?["conditions"]?.AsArray().FirstOrDefault(condition => (string?)condition!["type"] == type)?["status"] == value;

    private void Annotate(string kind, string name, string annotation, string value) => Change(kind, name, entity =>
    {
        if (entity["metadata"]!["annotations"] is not JsonObject annotations)
        {
            entity["metadata"]!["annotations"] = annotations = [];
        }

        annotations[annotation] = value;
    });

    private void Change(string kind, string name, Action<JsonObject> change) => _api.Update(kind, Key(name), change);

    private void Make(string kind, string apiVersion, string type, string name, string spec) => _api.Create(kind, new JsonObject
    {
        ["apiVersion"] = apiVersion,
        ["kind"] = type,
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Space },
        ["spec"] = JsonNode.Parse(spec),
    });

    private static NamespacedName Key(string name) => new(Space, name);
}
