using System.Text.Json.Nodes;

namespace GooglePhotosEmulator.Answers;

/// <summary>Errors of the token endpoints: <c>{"error","error_description","error_subtype"}</c>.</summary>
public static class OAuthAnswers
{
    /// <summary>What a refresh token that no longer works is answered with, whatever the cause.</summary>
    public static Answer ExpiredOrRevoked() => InvalidGrant("Token has been expired or revoked.");

    /// <summary>A session policy of the organisation asks for a new sign-in.</summary>
    public static Answer InvalidRapt() => Error(400, "invalid_grant", "reauth related error (invalid_rapt)", "invalid_rapt");

    public static Answer InvalidGrant(string description) => Error(400, "invalid_grant", description);

    public static Answer InvalidRequest(string description) => Error(400, "invalid_request", description);

    public static Answer UnauthorizedClient() =>
        Error(401, "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.");

    public static Answer UnknownClient() => Error(401, "invalid_client", "The OAuth client was not found.");

    public static Answer WrongSecret() => Error(401, "invalid_client", "The provided client secret is invalid.");

    public static Answer DeletedClient() => Error(401, "deleted_client", "The OAuth client was deleted.");

    public static Answer UnsupportedGrantType(string given) => Error(400, "unsupported_grant_type", $"Invalid grant_type: {given}");

    public static Answer Error(int status, string error, string? description = null, string? subtype = null)
    {
        var body = new JsonObject { ["error"] = error };
        if (description is not null)
        {
            body["error_description"] = description;
        }

        if (subtype is not null)
        {
            body["error_subtype"] = subtype;
        }

        return new Answer(status, body.ToJsonString());
    }
}
