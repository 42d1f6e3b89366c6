using System.Collections.Concurrent;
using GooglePhotosEmulator.Control;
using GooglePhotosEmulator.Drive;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;
using GooglePhotosEmulator.Media;
using GooglePhotosEmulator.Picker;
using GooglePhotosEmulator.Quotas;
using GooglePhotosEmulator.Tls;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace GooglePhotosEmulator;

/// <summary>
/// Google Photos, Drive and their sign-in in this process. Clients reach a Google host below <see cref="Address"/> by its name as the
/// first part of the path (<see cref="UrlOf"/>), or under its own name with <see cref="Address"/> as HTTPS proxy and
/// <see cref="CertificateAuthorityPem"/> as a certificate that they trust.
/// </summary>
public sealed class Emulator : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly CertificateAuthority _authority;
    private readonly string _folder;
    private readonly TokenEndpoint _tokens;

    private Emulator(WebApplication app, EmulatorOptions options, CertificateAuthority authority, IdentityStore identities, Consent consent, TokenEndpoint tokens,
        DriveStore drive, PickerSessions picker, PageShape pages, CallJournal calls, string folder)
    {
        _app = app;
        Options = options;
        _authority = authority;
        Identities = identities;
        Consent = consent;
        _tokens = tokens;
        Drive = drive;
        Picker = picker;
        Pages = pages;
        Calls = calls;
        _folder = folder;
    }

    public EmulatorOptions Options { get; }

    /// <summary>Such as <c>http://127.0.0.1:21600/</c>.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    /// <summary>Certificate of the authority that signs for Google's names, PEM.</summary>
    public string CertificateAuthorityPem => _authority.Pem;

    public IdentityStore Identities { get; }

    public Consent Consent { get; }

    public DriveStore Drive { get; }

    public PickerSessions Picker { get; }

    public FaultScript Faults => Options.Faults;

    /// <summary>Makes pages short or empty.</summary>
    public PageShape Pages { get; }

    public CallJournal Calls { get; }

    /// <summary>Where a <c>token_uri</c> points.</summary>
    public string TokenUri => UrlOf(GoogleHosts.OAuth) + "/token";

    public static async Task<Emulator> StartAsync(EmulatorOptions? given = null, CancellationToken ct = default)
    {
        var options = given ?? new EmulatorOptions();
        var folder = Directory.CreateTempSubdirectory("google-photos-emulator-").FullName;
        var files = 0;
        string NewFile() => Path.Combine(folder, $"upload-{Interlocked.Increment(ref files)}");

        var mint = new TokenMint(options.Seed);
        var items = new ConcurrentDictionary<string, MediaItem>(StringComparer.Ordinal);
        var identities = new IdentityStore(options.Time, mint, options.AdoptUnknown, owner => new PhotoLibrary(owner, mint, options.Time, options, items));
        var consent = new Consent(identities, options.Time);
        var tokens = new TokenEndpoint(identities, consent, options.Time);
        var ledger = new QuotaLedger(options.Time);
        var urls = new BaseUrls(mint, options.Time, options.BaseUrlLifetime);
        var pages = new PageShape();
        var paging = new Paging(mint);
        var drive = new DriveStore(mint, options.Time);
        var storage = new StorageMeter(drive);
        var picker = new PickerSessions(mint, options.Time, options);
        var calls = new CallJournal();
        var libraryJson = new LibraryJson(urls);
        var uploads = new UploadService(identities, options.Time, options, NewFile);
        IGoogleService[] services =
        [
            new LibraryService(identities, uploads, new MediaItemsResource(identities, libraryJson, paging, pages),
                new AlbumsResource(identities, libraryJson, paging, pages, options), new BatchCreate(identities, uploads, libraryJson, options.Faults, storage, options),
                ledger, options),
            new MediaService(urls, items, identities, picker, ledger, options),
            new IdentityService(identities, consent, tokens, new FederationEndpoint(identities, options.Time), options.Time),
            new DriveService(identities, drive, new DriveJson(drive, identities), new DriveListing(drive, paging, pages), storage, ledger, options),
            new PickerService(identities, picker, urls, paging, pages, ledger, options.Time, options),
        ];
        var gateway = new Gateway(services, identities, calls, options);
        var authority = new CertificateAuthority();
        var app = Build(options, new ProxyConnections(authority));
        var emulator = new Emulator(app, options, authority, identities, consent, tokens, drive, picker, pages, calls, folder);
        var control = new ControlService(emulator);
        app.Run(http => ControlService.IsFor(http) ? control.HandleAsync(http) : gateway.HandleAsync(http));
        await app.StartAsync(ct);
        emulator.Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return emulator;
    }

    /// <summary>Base URL of a Google host, without a slash at the end.</summary>
    public string UrlOf(string googleHost) => $"{Address.GetLeftPart(UriPartial.Authority)}/{googleHost}";

    /// <summary>A new consent of a person to a client, as the <c>authorized_user</c> JSON that Google's libraries read.</summary>
    public string AuthorizedUserJson(UserAccount user, OAuthClient client, params IEnumerable<string> scopes) =>
        Identities.AuthorizedUserJson(Identities.Grant(user, client, scopes), TokenUri);

    /// <summary>The key file of a service account.</summary>
    public string ServiceAccountJson(ServiceAccount account) => account.ToJson(TokenUri);

    /// <summary>As if the person had typed the code of a device.</summary>
    public bool ApproveDevice(string userCode, UserAccount user) => _tokens.ApproveDevice(userCode, user);

    /// <summary>Ends when the process is told to.</summary>
    public Task WaitForShutdownAsync(CancellationToken ct = default) => _app.WaitForShutdownAsync(ct);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Identities.Dispose();
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static WebApplication Build(EmulatorOptions options, ProxyConnections connections)
    {
        // The content root is watched with all its folders: in somebody's home, or in a checkout, that is minutes of reading.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(options.Address, options.Port, listen => listen.Use(next => connection => connections.HandleAsync(connection, next)));
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.AllowSynchronousIO = false;
            kestrel.AddServerHeader = false;
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        return builder.Build();
    }
}
