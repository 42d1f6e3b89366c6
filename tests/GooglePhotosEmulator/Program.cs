using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using GooglePhotosEmulator;
using GooglePhotosEmulator.Control;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Quotas;

var listen = new Option<string>("--listen") { Description = "Where to listen; port 0 takes a free one, and localhost or a port alone will do.", HelpName = "ADDRESS:PORT", DefaultValueFactory = _ => "127.0.0.1:0" };
var ca = new Option<string?>("--ca") { Description = "PEM file that the certificate of the emulator's authority is written to; clients of the proxy trust it.", HelpName = "FILE" };
var library = new Option<string?>("--library") { Description = "Folder whose photos and videos are in the person's library, as if the client had uploaded them; folders in it are albums.", HelpName = "DIR" };
var drive = new Option<string?>("--drive") { Description = "Folder whose files lie in the folder Takeout of the person's Drive.", HelpName = "DIR" };
var user = new Option<string>("--user") { Description = "E-mail address of the person.", HelpName = "ADDRESS", DefaultValueFactory = _ => "alice@example.com" };
var quotas = new Option<string>("--quotas") { Description = "google: Google's limits; none: no limits.", DefaultValueFactory = _ => "none" };
quotas.AcceptOnlyFromAmong("google", "none");
var storage = new Option<long?>("--storage") { Description = "Bytes that the account holds; without it there is no limit.", HelpName = "BYTES" };
var processing = new Option<double>("--video-processing") { Description = "Seconds that a video is PROCESSING.", HelpName = "SECONDS", DefaultValueFactory = _ => 0 };
var strict = new Option<bool>("--strict") { Description = "Refuse clients and tokens that are not the printed ones. Without it they count as the printed client and the person." };
var seed = new Option<string>("--seed") { Description = "The same seed makes the same ids.", HelpName = "TEXT", DefaultValueFactory = _ => "1" };
var command = new Command(
    "google-photos-emulator",
    """
    Google Photos, Drive and their sign-in on this machine, for tests and demonstrations.

    One port is everything: a Google host is reached as http://ADDRESS/HOST/… or, with the port as HTTPS proxy and the certificate trusted,
    under its own name. On start one line of JSON is printed: url, client_id, client_secret, refresh_token, …

    Example:
      google-photos-emulator --listen 127.0.0.1:8900 --ca ca.pem --library ~/Pictures > emulator.json &
      export HTTPS_PROXY=http://127.0.0.1:8900
      rclone --ca-cert ca.pem --config rclone.conf ls photos:media/all
    """)
{
    listen, ca, library, drive, user, quotas, storage, processing, strict, seed, new HelpOption(), new VersionOption(),
};
command.SetAction(async (parsed, ct) =>
{
    if (ListenAddress.TryParse(parsed.GetValue(listen)!) is not { } endpoint)
    {
        Console.Error.WriteLine($"--listen {parsed.GetValue(listen)} is no ADDRESS:PORT such as 127.0.0.1:8900.");
        return 2;
    }

    foreach (var folder in new[] { parsed.GetValue(library), parsed.GetValue(drive) })
    {
        if (folder is not null && !Directory.Exists(folder))
        {
            Console.Error.WriteLine($"There is no folder {folder}.");
            return 2;
        }
    }

    await using var emulator = await Emulator.StartAsync(new EmulatorOptions
    {
        Address = endpoint.Address,
        Port = endpoint.Port,
        Time = new AdjustableTime(),
        Seed = parsed.GetValue(seed)!,
        Quotas = parsed.GetValue(quotas) == "google" ? QuotaLimits.Google : QuotaLimits.None,
        AdoptUnknown = !parsed.GetValue(strict),
        VideoProcessing = TimeSpan.FromSeconds(parsed.GetValue(processing)),
    }, ct);
    var client = emulator.Identities.AddClient("emulator");
    var person = emulator.Identities.AddUser(parsed.GetValue(user)!);
    person.StorageLimit = parsed.GetValue(storage);
    var loaded = parsed.GetValue(library) is { } photos ? person.Library.AddFolder(photos, client) : 0;
    var takeout = parsed.GetValue(drive) is { } parts ? emulator.Drive.LoadTakeout(person.Email, parts) : null;
    if (parsed.GetValue(ca) is { } file)
    {
        // Whoever waits for the file finds it whole.
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        await File.WriteAllTextAsync(file + ".part", emulator.CertificateAuthorityPem, ct);
        File.Move(file + ".part", file, overwrite: true);
    }

    Console.WriteLine(Describe(emulator, client, person, loaded, takeout?.Id, parsed.GetValue(ca)).ToJsonString(new JsonSerializerOptions
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    }));
    await emulator.WaitForShutdownAsync(ct);
    return 0;
});
return await command.Parse(args).InvokeAsync();

static JsonObject Describe(Emulator emulator, OAuthClient client, UserAccount person, int loaded, string? takeoutFolder, string? ca)
{
    var grant = emulator.Identities.Grant(person, client, Scopes.Everything);
    var url = emulator.Address.GetLeftPart(UriPartial.Authority);
    return new JsonObject
    {
        ["url"] = url,
        ["proxy"] = url,
        ["ca"] = ca is null ? null : Path.GetFullPath(ca),
        ["control"] = $"{url}/_emulator/",
        ["user"] = person.Email,
        ["items"] = loaded,
        ["takeout_folder_id"] = takeoutFolder,
        ["client_id"] = client.Id,
        ["client_secret"] = client.Secret,
        ["refresh_token"] = grant.Token,
        ["token_uri"] = emulator.TokenUri,
        ["authorized_user"] = JsonNode.Parse(emulator.Identities.AuthorizedUserJson(grant, emulator.TokenUri)),
        ["rclone_token"] = new JsonObject
        {
            ["access_token"] = "expired",
            ["token_type"] = "Bearer",
            ["refresh_token"] = grant.Token,
            ["expiry"] = DateTimeOffset.UnixEpoch.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        }.ToJsonString(),
    };
}
