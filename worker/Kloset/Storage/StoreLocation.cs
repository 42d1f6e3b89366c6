namespace Kloset.Storage;

/// <summary>Where a repository lies, as people write it. A closed set: <see cref="FileSystemLocation"/>, <see cref="PtarLocation"/>, <see cref="S3Location"/>.</summary>
public abstract record StoreLocation
{
    private protected StoreLocation()
    {
    }

    /// <summary>
    /// Reads `fs:PATH`, `file:PATH` or a plain path that starts with `/` or `.`; `ptar:PATH` or a path that ends in `.ptar`;
    /// `s3://host[:port]/bucket[/prefix]`, or `s3://bucket[/prefix]` when <paramref name="s3Endpoint"/> is given.
    /// </summary>
    /// <exception cref="StoreException"><see cref="StoreFailure.Invalid"/>, with what is wrong and what is expected.</exception>
    public static StoreLocation Parse(string text, Uri? s3Endpoint = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith("s3://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("s3+http://", StringComparison.OrdinalIgnoreCase))
            return ParseS3(text, s3Endpoint);
        string? path = null;
        var ptar = false;
        if (text.StartsWith("ptar:", StringComparison.OrdinalIgnoreCase))
        {
            path = text["ptar:".Length..];
            ptar = true;
        }
        else if (text.StartsWith("fs:", StringComparison.OrdinalIgnoreCase))
            path = text["fs:".Length..];
        else if (text.StartsWith("file:", StringComparison.OrdinalIgnoreCase))
            path = text["file:".Length..];
        else if (text.StartsWith('/') || text.StartsWith('.'))
            path = text;
        if (path is null)
            throw new StoreException(StoreFailure.Invalid, $"'{text}' is not a repository location: use fs:PATH, s3://host/bucket/prefix, or PATH.ptar.");
        if (path.StartsWith("///", StringComparison.Ordinal))
            path = path[2..];
        if (path.Length == 0 || path.Contains('\0'))
            throw new StoreException(StoreFailure.Invalid, $"The location '{text}' names no path.");
        return ptar || path.EndsWith(".ptar", StringComparison.Ordinal) ? new PtarLocation(path) : new FileSystemLocation(path);
    }

    private static S3Location ParseS3(string text, Uri? endpoint)
    {
        var plainHttp = text.StartsWith("s3+http://", StringComparison.OrdinalIgnoreCase);
        var rest = text[(text.IndexOf("://", StringComparison.Ordinal) + 3)..];
        if (rest.Contains('@') || rest.Contains('?') || rest.Contains('#'))
            throw new StoreException(StoreFailure.Invalid, "An s3 location holds no credentials and no options: s3://host[:port]/bucket[/prefix].");
        var parts = rest.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (endpoint is null)
        {
            if (parts.Length < 2)
                throw new StoreException(StoreFailure.Invalid, $"'{text}' names no bucket: use s3://host[:port]/bucket[/prefix], or s3://bucket[/prefix] with an endpoint.");
            var scheme = plainHttp ? "http" : "https";
            if (!Uri.TryCreate($"{scheme}://{parts[0]}", UriKind.Absolute, out endpoint))
                throw new StoreException(StoreFailure.Invalid, $"'{parts[0]}' in '{text}' is not a host name.");
            return new S3Location(endpoint, parts[1], string.Join('/', parts[2..]));
        }

        if (parts.Length < 1)
            throw new StoreException(StoreFailure.Invalid, $"'{text}' names no bucket.");
        // plakar's form stays valid beside an endpoint that names the same host.
        if (parts.Length >= 2 && string.Equals(parts[0], endpoint.Authority, StringComparison.OrdinalIgnoreCase))
            parts = parts[1..];
        return new S3Location(endpoint, parts[0], string.Join('/', parts[1..]));
    }
}

/// <summary>A directory in plakar's fs layout.</summary>
public sealed record FileSystemLocation(string Path) : StoreLocation
{
    public override string ToString() => "fs:" + Path;
}

/// <summary>A read-only repository in one file.</summary>
public sealed record PtarLocation(string Path) : StoreLocation
{
    public override string ToString() => "ptar:" + Path;
}

/// <param name="Endpoint">Scheme, host and port.</param>
/// <param name="Prefix">Without leading or trailing '/'; may be empty.</param>
public sealed record S3Location(Uri Endpoint, string Bucket, string Prefix) : StoreLocation
{
    public override string ToString() => $"s3://{Endpoint.Authority}/{Bucket}" + (Prefix.Length == 0 ? "" : "/" + Prefix);
}
