using k8s.Models;
using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.Options;
using KlosetWorker.Contract;

namespace KlosetOperator.Tests.Jobs;

public sealed class JobBuilderTests
{
    private static readonly DateTimeOffset Slot = new(2026, 11, 23, 3, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_pod_has_the_least_power()
    {
        var pod = Build().Spec.Template.Spec;
        var container = Assert.Single(pod.Containers);
        Assert.False(pod.AutomountServiceAccountToken);
        Assert.False(pod.EnableServiceLinks);
        Assert.True(pod.SecurityContext.RunAsNonRoot);
        Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
        Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
        Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
        Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
        Assert.Equal("Never", pod.RestartPolicy);
        Assert.All(pod.Tolerations, toleration => Assert.Equal(60, toleration.TolerationSeconds));
    }

    [Fact]
    public void The_failure_policy_is_the_table_of_exit_codes()
    {
        var rules = Build().Spec.PodFailurePolicy.Rules;
        Assert.Equal(("Ignore", "DisruptionTarget"), (rules[0].Action, rules[0].OnPodConditions.Single().Type));
        Assert.Equal("FailJob", rules[1].Action);
        Assert.Equal(ExitCodes.All.Select(row => (int)row.Code).Where(code => code != 0).Order(), rules[1].OnExitCodes.Values);
    }

    [Fact]
    public void Every_Secret_is_optional_and_whole_and_every_name_in_the_run_file_has_its_mount()
    {
        var mounts = new MountPlan();
        var job = Build(mounts: mounts, run => run with { Repository = RunFiles.Repository(Repository(), mounts, "cluster") });
        var pod = job.Spec.Template.Spec;
        var run = RunFile.Parse(job.Spec.Template.Metadata.Annotations[RunFile.AnnotationName]);
        Assert.All(pod.Volumes.Where(volume => volume.Secret is not null), volume =>
        {
            Assert.True(volume.Secret.Optional);
            Assert.Null(volume.Secret.Items);
        });
        var paths = pod.Containers[0].VolumeMounts.Select(mount => mount.MountPath).ToList();
        Assert.Contains($"/kloset/secrets/{run.Repository.Passphrase!.Secret}", paths);
        Assert.Contains($"/kloset/secrets/{run.Repository.Backend.S3!.CredentialsSecret}", paths);
        Assert.Contains($"/kloset/secrets/{run.Repository.Backend.S3.CaBundle!.Secret}", paths);
        var key = run.Repository.Backend.S3.Encryption!.CustomerKey!;
        Assert.Contains($"/kloset/secrets/{key.Secret}", paths);
        Assert.Equal("customer-key", key.Key);
        Assert.Equal("STANDARD_IA", run.Repository.Backend.S3.StorageClass);
        Assert.Equal(paths.Count, paths.Distinct().Count());
        Assert.Equal(pod.Volumes.Count, pod.Volumes.Select(volume => volume.Name).Distinct().Count());
        Assert.All(pod.Containers[0].VolumeMounts, mount => Assert.Contains(pod.Volumes, volume => volume.Name == mount.Name));
        Assert.All(pod.Volumes, volume => Assert.Matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", volume.Name));
    }

    [Fact]
    public void A_token_of_the_pod_for_Google_is_projected_only_where_it_is_asked_for_once_for_each_audience()
    {
        var mounts = new MountPlan();
        mounts.WorkloadIdentity("//iam.googleapis.com/one");
        mounts.WorkloadIdentity("//iam.googleapis.com/two");
        mounts.WorkloadIdentity("//iam.googleapis.com/one");
        var pod = Build(mounts: mounts).Spec.Template.Spec;
        var volume = Assert.Single(pod.Volumes, volume => volume.Projected is not null);
        Assert.Equal(
            [("//iam.googleapis.com/one", "token", (long?)3600), ("//iam.googleapis.com/two", "token-1", 3600)],
            volume.Projected.Sources.Select(source => (source.ServiceAccountToken.Audience, source.ServiceAccountToken.Path, source.ServiceAccountToken.ExpirationSeconds)));
        var mount = Assert.Single(pod.Containers[0].VolumeMounts, mount => mount.Name == volume.Name);
        Assert.Equal(("/var/run/secrets/google", (bool?)true), (mount.MountPath, mount.ReadOnlyProperty));
        Assert.False(pod.AutomountServiceAccountToken);
        Assert.DoesNotContain(Build().Spec.Template.Spec.Volumes, other => other.Projected is not null);
    }

    [Fact]
    public void A_Drive_folder_with_workload_identity_brings_its_token_into_the_pod()
    {
        var mounts = new MountPlan();
        var spec = new PhotoBackupSpec
        {
            RepositoryRef = new() { Name = "family" },
            Account = new() { Id = "alice" },
            Source = new()
            {
                Takeout = new()
                {
                    Locations = [new() { GoogleDrive = new() { FolderID = "1x", CredentialsSecretRef = new() { Name = "drive" }, WorkloadIdentity = new() { Audience = "//iam.googleapis.com/one" } } }],
                },
            },
        };
        var run = RunFiles.Backup(new PhotoBackup { Metadata = new() { Name = "alice" }, Spec = spec }, hasMoved: false, mounts);
        Assert.Equal("drive", run.Takeout!.Single().GoogleDrive!.CredentialsSecret);
        Assert.Contains(mounts.Volumes, volume => volume.Projected is not null);
    }

    [Fact]
    public void A_claim_that_is_read_and_written_is_mounted_once_and_writable()
    {
        var mounts = new MountPlan();
        mounts.Claim("data", writable: false);
        mounts.Claim("data", writable: true);
        Assert.Null(Assert.Single(mounts.Mounts).ReadOnlyProperty);
    }

    [Theory]
    [InlineData("alice")]
    [InlineData("a-very-long-name-of-a-photo-backup-that-somebody-generated.with.dots.and-more")]
    public void Names_and_labels_are_those_that_Kubernetes_takes(string name)
    {
        var job = Build(name: name);
        Assert.Matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", job.Metadata.Name);
        Assert.InRange(job.Metadata.Name.Length, 1, 63);
        Assert.All(job.Metadata.Labels.Values, value => Assert.Matches("^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$", value));
    }

    [Fact]
    public void The_same_slot_and_attempt_have_the_same_name_and_others_another()
    {
        Assert.Equal(Build().Metadata.Name, Build().Metadata.Name);
        Assert.NotEqual(Build().Metadata.Name, Build(attempt: 2).Metadata.Name);
    }

    [Fact]
    public void What_the_object_says_of_its_pods_is_passed_on_but_never_our_own_variables()
    {
        var job = Build(template: new JobSpec
        {
            Env = [new EnvironmentVariable { Name = "HTTPS_PROXY", Value = "http://proxy" }, new EnvironmentVariable { Name = "KLOSET_RUN", Value = "x" }],
            Labels = new Dictionary<string, string> { ["team"] = "photos", [Labels.RunId] = "forged", [Labels.Name] = "forged", [Labels.ManagedBy] = "forged" },
            PriorityClassName = "low",
            Cache = new CacheSpec { VolumeClaimName = "cache" },
        });
        var pod = job.Spec.Template.Spec;
        Assert.Contains(pod.Containers[0].Env, variable => variable is { Name: "HTTPS_PROXY", Value: "http://proxy" });
        Assert.Single(pod.Containers[0].Env, variable => variable.Name == "KLOSET_RUN" && variable.Value == "/kloset/run/run.json");
        Assert.Equal("photos", job.Metadata.Labels["team"]);
        Assert.DoesNotContain("forged", job.Metadata.Labels.Values);
        // The chart's network policies select workers by these two.
        Assert.Equal(("kloset-worker", "kloset-operator"), (job.Spec.Template.Metadata.Labels[Labels.Name], job.Spec.Template.Metadata.Labels[Labels.ManagedBy]));
        Assert.Equal("low", pod.PriorityClassName);
        Assert.Equal("cache", pod.Volumes.Single(volume => volume.Name == "cache").PersistentVolumeClaim.ClaimName);
    }

    [Fact]
    public void A_companys_certificates_are_mounted_where_the_runtime_looks_and_need_not_exist_everywhere()
    {
        var pod = Build(bundle: new KeyRef { Name = "company-ca", Key = "ca.crt" }).Spec.Template.Spec;
        var (volume, mount) = (pod.Volumes.Single(each => each.ConfigMap?.Name == "company-ca"), pod.Containers[0].VolumeMounts.Single(each => each.Name == "trust"));
        Assert.True(volume.ConfigMap.Optional);
        Assert.Equal(volume.Name, mount.Name);
        Assert.Contains(pod.Containers[0].Env, variable => variable.Name == "SSL_CERT_FILE" && variable.Value == $"{mount.MountPath}/ca.crt");
        Assert.DoesNotContain(Build().Spec.Template.Spec.Containers[0].Env, variable => variable.Name == "SSL_CERT_FILE");
    }

    [Fact]
    public void The_queue_of_Kueue_is_passed_on() =>
        Assert.Equal("nightly", Build(labels: new Dictionary<string, string> { [Labels.KueueQueue] = "nightly" }).Metadata.Labels[Labels.KueueQueue]);

    [Fact]
    public void The_trace_of_the_reconciliation_goes_on_in_the_worker()
    {
        const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        Assert.Contains(Build(trace: Trace).Spec.Template.Spec.Containers[0].Env, variable => variable is { Name: "TRACEPARENT", Value: Trace });
        Assert.DoesNotContain(Build().Spec.Template.Spec.Containers[0].Env, variable => variable.Name == "TRACEPARENT");
    }

    [Fact]
    public void A_run_file_that_no_annotation_can_carry_is_refused() =>
        Assert.Throws<RunFileTooLargeException>(() => Build(run: file => file with { Backup = new RunBackup { Selection = new RunSelection { IncludeAlbums = [new string('x', 70_000)] } } }));

    private static V1Job Build(
        MountPlan? mounts = null, Func<RunFile, RunFile>? run = null, string name = "alice", int attempt = 1, JobSpec? template = null, Dictionary<string, string>? labels = null,
        string? trace = null, KeyRef? bundle = null)
    {
        var owner = new PhotoBackup { Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "photos", Uid = "0b2f6a1e-0000-4000-8000-000000000001", Labels = labels } };
        var order = new RunOrder(RunKind.Backup, Slot, attempt, Slot);
        var file = new RunFile
        {
            Kind = RunKind.Backup,
            RunId = order.RunId(owner.Metadata.Uid),
            Repository = new RunRepository { Backend = new RunLocation { Volume = new RunVolume("kloset") } },
            Backup = new RunBackup(),
        };
        return new JobBuilder(new OperatorOptions { WorkerImage = "worker", RestoreImage = "restorer", WorkerCaBundle = bundle }).Build(new JobRequest
        {
            Owner = owner,
            Prefix = "phb",
            RepositoryName = "family",
            Location = "volume://kloset/",
            Order = order,
            RunFile = run?.Invoke(file) ?? file,
            Mounts = mounts ?? new MountPlan(),
            Ticket = new AdmissionTicket("photos/family", "photos/family/alice", null, false),
            Template = template,
            TraceParent = trace,
        });
    }

    private static KlosetRepository Repository() => new()
    {
        Metadata = new V1ObjectMeta { Name = "family", NamespaceProperty = "photos" },
        Spec = new KlosetRepositorySpec
        {
            Backend = new RepositoryBackend
            {
                S3 = new S3Location
                {
                    Endpoint = "https://s3.example.net",
                    Bucket = "photos",
                    CredentialsSecretRef = new NameRef { Name = "s3" },
                    CaBundleRef = new KeyRef { Name = "s3", Key = "ca.crt" },
                    StorageClass = "STANDARD_IA",
                    ServerSideEncryption = new ServerSideEncryptionSpec { CustomerKeySecretRef = new KeyRef { Name = "s3-key", Key = "customer-key" } },
                },
            },
            Encryption = new RepositoryEncryption { PassphraseSecretRef = new KeyRef { Name = "kloset", Key = "passphrase" } },
        },
    };
}
