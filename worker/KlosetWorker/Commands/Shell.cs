using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kloset.Repositories;
using Kloset.Storage.S3;
using KlosetWorker.Access;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;
using KlosetWorker.Output;
using KlosetWorker.Progress;

namespace KlosetWorker.Commands;

/// <summary>What all verbs share: the options of every command, how a command runs, and how it fails.</summary>
internal sealed class Shell(WorkerHost host)
{
    private readonly Option<string?> _repository = new("--repository", "-r")
    {
        Description = "where the repository is: fs:PATH or s3://host/bucket/prefix (default: KLOSET_REPOSITORY)",
        HelpName = "LOCATION",
        Recursive = true,
    };

    private readonly Option<string?> _passphraseFile = new("--passphrase-file")
    {
        Description = "file with the passphrase; one newline at its end is dropped (default: KLOSET_PASSPHRASE, KLOSET_PASSPHRASE_FILE, or asked for)",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<bool> _json = new("--json") { Description = "print JSON on standard output", Recursive = true };

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "no progress", Recursive = true };

    private readonly Option<string?> _cache = new("--cache")
    {
        Description = "folder for sorting and for the index of large repositories (default: KLOSET_CACHE, or the system's temporary folder)",
        HelpName = "FOLDER",
        Recursive = true,
    };

    private readonly Option<string?> _s3Endpoint = new("--s3-endpoint")
    {
        Description = "https://host[:port] of the S3 server, for locations of the form s3://bucket/prefix",
        HelpName = "URL",
        Recursive = true,
    };

    private readonly Option<string?> _s3Region = new("--s3-region")
    {
        Description = "region that requests are signed for (default: AWS_REGION, or us-east-1)",
        HelpName = "REGION",
        Recursive = true,
    };

    private readonly Option<string?> _s3CaFile = new("--s3-ca-file")
    {
        Description = "PEM file with certificates to trust besides the system's",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<bool> _s3VirtualHost = new("--s3-virtual-host")
    {
        Description = "the bucket is part of the host name instead of the path",
        Recursive = true,
    };

    private readonly Option<long?> _limitUpload = new("--limit-upload")
    {
        Description = "bytes a second that are sent to a bucket at most (default: no limit)",
        HelpName = "BYTES",
        Recursive = true,
    };

    private readonly Option<string?> _s3StorageClass = new("--s3-storage-class")
    {
        Description = "storage class of new packfiles and states, for example STANDARD_IA",
        HelpName = "CLASS",
        Recursive = true,
    };

    private readonly Option<string?> _s3Encryption = new("--s3-sse")
    {
        Description = "encryption at rest that the server is asked for: AES256, aws:kms, or aws:kms:KEY",
        HelpName = "METHOD",
        Recursive = true,
    };

    private readonly Option<string?> _s3CustomerKeyFile = new("--s3-sse-c-key-file")
    {
        Description = "file with the 32 bytes (or their base64) of a key for SSE-C; needs https",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<string?> _objectLock = new("--object-lock")
    {
        Description = "lock what is written, in a bucket with object lock: governance:DAYS or compliance:DAYS",
        HelpName = "MODE:DAYS",
        Recursive = true,
    };

    private readonly Option<DateTimeOffset?> _asOf = new("--as-of")
    {
        Description = "show a bucket that keeps versions as it was at this time (2026-11-01T00:00:00Z): what was deleted or overwritten since is there",
        HelpName = "TIME",
        Recursive = true,
    };

    private readonly Dictionary<Command, string> _examples = [];

    public WorkerHost Host => host;

    /// <summary>What stands under the help of a verb.</summary>
    public IReadOnlyDictionary<Command, string> Examples => _examples;

    public void AddTo(Command root)
    {
        root.Add(new HelpOption { Action = new HelpWithExamples(_examples) });
        root.Add(new VersionOption());
        foreach (Option option in new Option[] { _repository, _passphraseFile, _json, _quiet, _cache, _s3Endpoint, _s3Region, _s3CaFile, _s3VirtualHost, _s3StorageClass, _s3Encryption, _s3CustomerKeyFile, _objectLock, _asOf, _limitUpload })
        {
            root.Add(option);
        }
    }

    public async Task<int> InvokeAsync(Command root, IReadOnlyList<string> arguments)
    {
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count == 0)
        {
            return await parsed.InvokeAsync(Configuration(host.Output, host.Error), CancellationToken.None);
        }

        // Whoever names no verb wants to know what there is.
        var verbs = parsed.CommandResult.Command.Subcommands;
        if (verbs.Count > 0 && parsed.UnmatchedTokens.Count == 0 && parsed.Errors.Count == 1 && !parsed.GetValue(_json))
        {
            await root.Parse([.. arguments, "--help"]).InvokeAsync(Configuration(host.Error, host.Error), CancellationToken.None);
            return (int)ErrorCatalogue.InvalidArguments.ExitCode;
        }

        var message = verbs.Count > 0 && parsed.UnmatchedTokens.Count > 0
            ? $"'{parsed.UnmatchedTokens[0]}' is none of the commands {string.Join(", ", verbs.Select(verb => verb.Name))}."
            : string.Join(" ", parsed.Errors.Select(error => error.Message));
        return new Invocation(this, parsed).Fail(new WorkerException(ErrorCatalogue.InvalidArguments, message));
    }

    private static InvocationConfiguration Configuration(TextWriter output, TextWriter error) => new()
    {
        Output = output,
        Error = error,
        EnableDefaultExceptionHandler = false,
        ProcessTerminationTimeout = null, // signals are ours: the first one asks for an anchor
    };

    /// <summary>Makes a verb whose failures are told in the catalogue's words, never as a stack trace.</summary>
    public Command Verb(string name, string description, Func<Invocation, CancellationToken, Task<int>> run)
    {
        // The examples come only with the verb's own help, not in the list of verbs.
        var parts = description.Split("\n\nExample", 2);
        var command = new Command(name, parts[0]);
        if (parts.Length == 2)
        {
            _examples[command] = "Example" + parts[1];
        }

        command.SetAction(async (parsed, _) =>
        {
            var invocation = new Invocation(this, parsed);
            try
            {
                return await run(invocation, host.Abort);
            }
            catch (IOException exception) when (exception.HResult == 32)
            {
                return 0; // the reader of our output has gone
            }
#pragma warning disable CA1031 // the last place where an exception can become words
            catch (Exception exception)
#pragma warning restore CA1031
            {
                return invocation.Fail(ErrorTranslation.Translate(exception));
            }
        });
        return command;
    }

    /// <summary>One run of a verb: the values of the shared options, and the ways out.</summary>
    internal sealed class Invocation(Shell shell, ParseResult parsed)
    {
        public WorkerHost Host => shell.Host;

        public bool Json => parsed.GetValue(shell._json);

        public TextWriter Output => Host.Output;

        public T? Value<T>(Option<T> option) => parsed.GetValue(option);

        public T? Value<T>(Argument<T> argument) => parsed.GetValue(argument);

        public EngineServices Services => EngineServices.System with { Time = Host.Time, CacheDirectory = CacheFolder };

        public string CacheFolder =>
            parsed.GetValue(shell._cache) ?? Host.Environment(WorkerEnvironment.Cache) ?? Path.GetTempPath();

        public StoreSettings StoreSettings => new()
        {
            Location = (parsed.GetValue(shell._repository) ?? Host.Environment(WorkerEnvironment.Repository)) is { Length: > 0 } location
                ? location
                : throw new WorkerException(ErrorCatalogue.InvalidArguments, "No repository was named.")
                {
                    Remedy = $"Give --repository fs:PATH or s3://…, or set {WorkerEnvironment.Repository}.",
                },
            AsOf = parsed.GetValue(shell._asOf),
            ObjectLock = parsed.GetValue(shell._objectLock) is { } locked ? StoreFactory.ObjectLock(locked) : null,
            S3Endpoint = parsed.GetValue(shell._s3Endpoint),
            S3Region = parsed.GetValue(shell._s3Region),
            S3CaFile = parsed.GetValue(shell._s3CaFile),
            S3VirtualHost = parsed.GetValue(shell._s3VirtualHost),
            UploadLimit = parsed.GetValue(shell._limitUpload) switch
            {
                <= 0 => throw new WorkerException(ErrorCatalogue.InvalidArguments, "A limit of nothing a second would never end: give --limit-upload at least 1."),
                var limit => limit,
            },
            S3StorageClass = parsed.GetValue(shell._s3StorageClass),
            S3Encryption = parsed.GetValue(shell._s3Encryption),
            S3CustomerKeyFile = parsed.GetValue(shell._s3CustomerKeyFile),
        };

        /// <summary>The bucket that a location names, with the options and the credentials of `s3://` repositories; null when it names none.</summary>
        public S3Store? TryOpenBucket(string location) =>
            location.StartsWith("s3", StringComparison.Ordinal) && location.Contains("://", StringComparison.Ordinal) ? StoreFactory.Open(StoreSettings with { Location = location }, Host) as S3Store : null;

        public Passphrase? FindPassphrase(bool confirm) => PassphraseSource.Find(Host, parsed.GetValue(shell._passphraseFile), confirm);

        public Task<OpenRepository> OpenRepositoryAsync(CancellationToken cancellationToken) =>
            OpenRepository.OpenAsync(StoreFactory.Open(StoreSettings, Host), () => FindPassphrase(confirm: false), Services, cancellationToken);

        public ProgressReporter ReportProgress(ProgressTracker tracker)
        {
            IProgressSink sink = parsed.GetValue(shell._quiet) ? new NoProgressSink()
                : Host.Terminal is { } terminal && !Json ? new TerminalSink(terminal)
                : new PlainLinesSink(Host.Error);
            return new(tracker, sink, Host.Time);
        }

        public void WriteJson<T>(T value, Func<CliJson, JsonTypeInfo<T>> type) =>
            Output.WriteLine(JsonSerializer.Serialize(value, type(CliJson.Readable)));

        public int Fail(WorkerException failure)
        {
            var remedy = failure.Remedy ?? failure.Error.Remedy;
            if (Json)
            {
                WriteJson(
                    new ErrorOutput(new(failure.Error.Code, (int)failure.Error.ExitCode, failure.Message, failure.Error.Meaning, remedy)),
                    json => json.ErrorOutput);
            }

            Host.Error.WriteLine($"kloset: {Text.Printable(failure.Message)}");
            Host.Error.WriteLine($"  why:  {failure.Error.Meaning} [{failure.Error.Code}]");
            Host.Error.WriteLine($"  next: {remedy}");
            return (int)failure.Error.ExitCode;
        }
    }

    private sealed class HelpWithExamples(IReadOnlyDictionary<Command, string> examples) : SynchronousCommandLineAction
    {
        private readonly HelpAction _help = new();

        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var result = _help.Invoke(parseResult);
            if (examples.TryGetValue(parseResult.CommandResult.Command, out var text))
            {
                parseResult.InvocationConfiguration.Output.WriteLine(text);
                parseResult.InvocationConfiguration.Output.WriteLine();
            }

            return result;
        }
    }
}
