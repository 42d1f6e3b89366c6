using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;

namespace GooglePhotosEmulator.Control;

/// <summary>The test's hand over HTTP, for programs outside of this process: everything below <c>/_emulator/</c>.</summary>
internal sealed class ControlService(Emulator emulator)
{
    private const string Prefix = "_emulator";

    public static bool IsFor(HttpContext http) => http.Request.Path.StartsWithSegments("/" + Prefix, StringComparison.Ordinal);

    public async Task HandleAsync(HttpContext http)
    {
        try
        {
            var body = await BodyAsync(http);
            var answer = Handle(http.Request.Method, http.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries)[1..], body);
            await GoogleRequest.WriteAsync(http, new Answer(200, answer.ToJsonString()));
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException or JsonException or IOException or UnauthorizedAccessException)
        {
            await GoogleRequest.WriteAsync(http, new Answer(400, new JsonObject { ["error"] = e.Message }.ToJsonString()));
        }
        catch (KeyNotFoundException e)
        {
            await GoogleRequest.WriteAsync(http, new Answer(404, new JsonObject { ["error"] = e.Message }.ToJsonString()));
        }
    }

    private JsonNode Handle(string method, string[] path, JsonObject body) => (method, path) switch
    {
        ("GET", []) => Overview(),
        ("GET", ["calls"]) => new JsonObject(emulator.Calls.Counts.OrderBy(pair => pair.Key).Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
        ("DELETE", ["calls"]) => Do(emulator.Calls.Clear),
        ("POST", ["clock"]) => Advance(body),
        ("POST", ["faults"]) => AddFault(body),
        ("POST", ["faults", "items"]) => AddItemFault(body),
        ("DELETE", ["faults"]) => Do(emulator.Faults.Clear),
        ("POST", ["consent"]) => Do(() => emulator.Consent.Mode = Enum.Parse<ConsentMode>(Text(body, "mode"), ignoreCase: true)),
        ("POST", ["users"]) => AddUser(body),
        ("POST", ["users", var user, "grant"]) => Grant(User(user), body),
        ("POST", ["users", var user, "revoke"]) => Revoke(User(user)),
        ("GET", ["users", var user, "library"]) => Describe(User(user)),
        ("POST", ["users", var user, "library"]) => new JsonObject
        {
            ["items"] = User(user).Library.AddFolder(Text(body, "folder"), body["visible"]?.GetValue<bool>() == false ? null : emulator.Identities.DefaultClient),
        },
        ("POST", ["users", var user, "drive"]) => LoadDrive(User(user), body),
        ("POST", ["users", var user, "storage"]) => Do(() => User(user).StorageLimit = body["limit"]?.GetValue<long>()),
        ("POST", ["serviceAccounts"]) => JsonNode.Parse(emulator.ServiceAccountJson(emulator.Identities.AddServiceAccount(Text(body, "name"))))!,
        ("POST", ["picker", var session, "pick"]) => Pick(session, body),
        _ => throw new KeyNotFoundException($"The emulator has no {method} /{Prefix}/{string.Join('/', path)}."),
    };

    private JsonObject Overview() => new()
    {
        ["url"] = emulator.Address.ToString(),
        ["time"] = emulator.Options.Time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture),
        ["hosts"] = new JsonArray([.. GoogleHosts.All.Order().Select(host => (JsonNode)host)]),
        ["users"] = new JsonArray([.. emulator.Identities.Users.Select(user => (JsonNode)user.Email)]),
        ["pickerSessions"] = new JsonArray([.. emulator.Picker.Open.Select(session => (JsonNode)session.Id)]),
    };

    private JsonObject Advance(JsonObject body)
    {
        var time = emulator.Options.Time as AdjustableTime ?? throw new InvalidOperationException("The emulator was started with a clock that this can't turn.");
        time.Advance(TimeSpan.Parse(Text(body, "advance"), CultureInfo.InvariantCulture));
        return new JsonObject { ["time"] = time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture) };
    }

    private JsonObject AddFault(JsonObject body)
    {
        emulator.Faults.Next(body["times"]?.GetValue<int>() ?? 1, Text(body, "method"), FaultJson.Read(body), body["skip"]?.GetValue<int>() ?? 0);
        return [];
    }

    private JsonObject AddItemFault(JsonObject body)
    {
        var name = body["fileName"]?.ToString();
        emulator.Faults.NextItems(body["times"]?.GetValue<int>() ?? 1, FaultJson.ReadItem(body), name is null ? null : item => item.FileName == name);
        return [];
    }

    private JsonObject AddUser(JsonObject body)
    {
        var user = emulator.Identities.AddUser(Text(body, "email"));
        user.StorageLimit = body["storageLimit"]?.GetValue<long>();
        return Credentials(user, Scopes.Everything);
    }

    private JsonObject Grant(UserAccount user, JsonObject body) =>
        Credentials(user, body["scopes"] is JsonArray scopes ? [.. scopes.Select(scope => scope!.ToString())] : Scopes.Everything);

    private JsonObject Credentials(UserAccount user, IReadOnlyList<string> scopes)
    {
        var client = emulator.Identities.DefaultClient ?? throw new InvalidOperationException("The emulator has no client.");
        return JsonNode.Parse(emulator.AuthorizedUserJson(user, client, scopes))!.AsObject();
    }

    private JsonObject Revoke(UserAccount user)
    {
        foreach (var grant in emulator.Identities.Grants.Where(grant => grant.User == user))
        {
            grant.Revoked = true;
        }

        return [];
    }

    /// <summary>The truth about a library: what no API tells.</summary>
    private static JsonObject Describe(UserAccount user) => new()
    {
        ["items"] = new JsonArray([.. user.Library.Items.Select(item => new JsonObject
        {
            ["id"] = item.Id,
            ["fileName"] = item.FileName,
            ["mimeType"] = item.MimeType,
            ["size"] = item.Size,
            ["sha1"] = item.Sha1Hex,
            ["description"] = item.Description,
            ["creationTime"] = LibraryJson.Time(item.Created),
            ["clients"] = new JsonArray([.. item.Clients.Select(client => (JsonNode)client)]),
        })]),
        ["albums"] = new JsonArray([.. user.Library.Albums.Select(album => new JsonObject
        {
            ["id"] = album.Id,
            ["title"] = album.Title,
            ["cover"] = album.CoverItemId,
            ["entries"] = new JsonArray([.. album.Entries.Select(entry => new JsonObject
            {
                ["id"] = entry.Id,
                ["kind"] = entry.GetType().Name,
                ["text"] = (entry as AlbumEntry.Text)?.Content,
            })]),
        })]),
    };

    private JsonObject LoadDrive(UserAccount user, JsonObject body)
    {
        var folder = emulator.Drive.LoadTakeout(user.Email, Text(body, "folder"), body["name"]?.ToString() ?? "Takeout");
        if (body["shareWith"]?.ToString() is { Length: > 0 } reader)
        {
            emulator.Drive.Share(folder, reader);
        }

        return new JsonObject { ["folderId"] = folder.Id };
    }

    private JsonObject Pick(string sessionId, JsonObject body)
    {
        var session = emulator.Picker.Open.FirstOrDefault(open => open.Id == sessionId) ?? throw new KeyNotFoundException("There is no such session.");
        var names = body["fileNames"] is JsonArray list ? list.Select(name => name!.ToString()).ToHashSet(StringComparer.Ordinal) : null;
        var chosen = session.User.Library.Items.Where(item => names is null || names.Contains(item.FileName)).ToArray();
        return emulator.Picker.Pick(sessionId, chosen) ? new JsonObject { ["picked"] = chosen.Length } : throw new InvalidOperationException("Done was pressed already.");
    }

    private UserAccount User(string email) => emulator.Identities.FindUser(email) ?? throw new KeyNotFoundException($"There is no {email}.");

    private static JsonObject Do(Action action)
    {
        action();
        return [];
    }

    private static string Text(JsonObject body, string name) =>
        body[name]?.ToString() is { Length: > 0 } text ? text : throw new FormatException($"\"{name}\" is missing.");

    private static async Task<JsonObject> BodyAsync(HttpContext http)
    {
        using var buffer = new MemoryStream();
        await http.Request.Body.CopyToAsync(buffer, http.RequestAborted);
        return buffer.Length == 0 ? [] : JsonNode.Parse(buffer.ToArray()) as JsonObject ?? throw new FormatException("A JSON object is expected.");
    }
}
