using KlosetOperator.Api;

namespace KlosetOperator.Repositories;

/// <summary>Where a repository lies, in one line for people; another line is another place. Pure.</summary>
internal static class RepositoryLocations
{
    public static string Describe(RepositoryBackend backend) => backend switch
    {
        { S3: { } s3 } => $"s3://{new Uri(s3.Endpoint).Authority}/{s3.Bucket}/{Folder(s3.Prefix)}",
        { Volume: { } volume } => $"volume://{volume.ClaimName}/{Folder(volume.Path)}",
        _ => "",
    };

    private static string Folder(string? path) => path?.Trim('/') is { Length: > 0 } folder ? folder + "/" : "";
}
