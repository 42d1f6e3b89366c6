using System.Buffers;
using System.Net;
using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Kloset.Storage.S3;

/// <summary>
/// A bucket as a store, with the keys of plakar's own S3 integration, so that both open one another's buckets.
/// Requests are tried again by the SDK (standard mode: exponential, jittered, with correction of a skewed clock); a body
/// that breaks off is taken up where it ended. Bodies go out as plain bodies with a checksum header, the form that the most
/// servers accept.
/// </summary>
public sealed partial class S3Store : IStore
{
    /// <summary>Above this an object is sent in parts; packfiles of 64 MiB stay one request.</summary>
    private const long MultipartThreshold = 128L << 20;

    private const int PartSize = 64 << 20;

    private readonly S3Options _options;
    private readonly S3HttpClientFactory _http;
    private readonly AmazonS3Client _client;
    private readonly S3ObjectLock? _objectLock;
    private readonly S3Versions? _versions;

    public S3Store(S3Options options)
        : this(options, wrapHandler: null)
    {
    }

    internal S3Store(S3Options options, Func<HttpMessageHandler, HttpMessageHandler>? wrapHandler)
    {
        _options = options with { Prefix = S3Options.NormalizePrefix(options.Prefix) };
        _objectLock = options.ObjectLock is { } policy ? new S3ObjectLock(this, policy, options.Time) : null;
        _versions = options.AsOf is { } asOf ? new S3Versions(this, asOf) : null;
        _http = new S3HttpClientFactory(options, Counters, wrapHandler);
        var config = new AmazonS3Config
        {
            ForcePathStyle = !options.VirtualHost,
            AuthenticationRegion = options.Region,
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = options.MaxRetries,
            ThrottleRetries = false, // the token bucket would give up on a long outage although tries are left
            HttpClientFactory = _http,
        };
        if (options.Endpoint is { } endpoint)
        {
            config.ServiceURL = endpoint.ToString();
        }
        else
        {
            config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(options.Region);
        }

        _client = options.Credentials switch
        {
            null => new AmazonS3Client(config),
            { SessionToken: { } token } credentials => new AmazonS3Client(new SessionAWSCredentials(credentials.AccessKey, credentials.SecretKey, token), config),
            var credentials => new AmazonS3Client(new BasicAWSCredentials(credentials.AccessKey, credentials.SecretKey), config),
        };
    }

    public string Location =>
        $"s3://{(_options.Endpoint is { } endpoint ? endpoint.Authority + "/" : "")}{_options.Bucket}/{_options.Prefix}".TrimEnd('/');

    public StoreCounters Counters { get; } = new();

    public IObjectLock? ObjectLock => _objectLock;

    internal S3Options Options => _options;

    internal AmazonS3Client Client => _client;

    /// <summary>Makes sure that the bucket is there; it is never made here, since its owner, lock mode and region are a person's decisions.</summary>
    public async Task InitializeAsync(CancellationToken cancellationToken)
    {
        var request = new ListObjectsV2Request { BucketName = _options.Bucket, Prefix = _options.Prefix + "CONFIG", MaxKeys = 1 };
        var page = await AskAsync(() => _client.ListObjectsV2Async(request, cancellationToken), "list", "");
        if (page.S3Objects is { Count: > 0 })
        {
            throw new StoreException(StoreFailure.Invalid, $"{Location} holds a repository already");
        }
    }

    public async IAsyncEnumerable<StoreItem> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (_versions is not null)
        {
            foreach (var version in await _versions.ListAsync(prefix))
            {
                yield return new StoreItem(version.Key, version.Size, version.Time);
            }

            yield break;
        }

        var request = new ListObjectsV2Request { BucketName = _options.Bucket, Prefix = _options.Prefix + prefix };
        ListObjectsV2Response page;
        do
        {
            page = await AskAsync(() => _client.ListObjectsV2Async(request, cancellationToken), "list", prefix);
            foreach (var item in page.S3Objects ?? [])
            {
                var modified = item.LastModified is { } time ? new DateTimeOffset(time.ToUniversalTime(), TimeSpan.Zero) : default;
                yield return new StoreItem(item.Key[_options.Prefix.Length..], item.Size ?? 0, modified, item.ETag);
            }

            request.ContinuationToken = page.NextContinuationToken;
        }
        while (page.IsTruncated == true);
    }

    public async Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken)
    {
        var response = await GetAsync(key, range: null, cancellationToken);
        return new ResumingBody(this, key, response);
    }

    public Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) =>
        ReadRangeAsync(key, etag: null, offset, destination, cancellationToken);

    public Task ReadRangeAsync(StoreItem item, long offset, Memory<byte> destination, CancellationToken cancellationToken) =>
        ReadRangeAsync(item.Key, item.Version, offset, destination, cancellationToken);

    private async Task ReadRangeAsync(string key, string? etag, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var failures = 0;
        while (true)
        {
            using var response = await GetAsync(key, new ByteRange(offset, offset + destination.Length - 1), cancellationToken, etag);
            if (response.ContentLength < destination.Length)
            {
                throw new StoreException(StoreFailure.Invalid, $"{Location}: {key} ends before byte {offset + destination.Length}");
            }

            try
            {
                while (destination.Length > 0)
                {
                    var count = await response.ResponseStream.ReadAsync(destination, cancellationToken);
                    if (count == 0)
                    {
                        throw new EndOfStreamException("the connection ended early");
                    }

                    Counters.CountRead(count);
                    offset += count;
                    destination = destination[count..];
                    failures = 0;
                }

                return;
            }
            catch (Exception exception) when (IsBrokenBody(exception) && ++failures <= _options.MaxRetries)
            {
                // asked for again from where the last read ended
            }
            catch (Exception exception) when (IsBrokenBody(exception))
            {
                throw new StoreException(StoreFailure.Unreachable, $"{Location}: reading {key} broke off {failures} times: {exception.Message}", exception);
            }
        }
    }

    public async Task PutAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
    {
        if (content.Length > MultipartThreshold)
        {
            await PutInPartsAsync(key, NewUpload(key), Parts(content), cancellationToken);
        }
        else
        {
            using var body = new ReadOnlySequenceStream(content);
            var request = NewPut(key, body);
            await AskAsync(() => _client.PutObjectAsync(request, cancellationToken), "put", key);
        }

        Counters.CountWritten(content.Length);
    }

    public async Task<bool> PutIfAbsentAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
    {
        // A store without conditional writes ignores the header or answers 501, so an object that is there is looked for first;
        // where the header works it closes the gap between the look and the put.
        if (await ExistsAsync(key, cancellationToken))
        {
            return false;
        }

        using var body = new ReadOnlySequenceStream(content);
        var request = NewPut(key, body);
        request.IfNoneMatch = "*";
        try
        {
            await AskAsync(() => _client.PutObjectAsync(request, cancellationToken), "put", key);
        }
        catch (StoreException exception) when (exception.InnerException is AmazonS3Exception { StatusCode: HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict })
        {
            return false;
        }
        catch (StoreException exception) when (exception.InnerException is AmazonS3Exception { StatusCode: HttpStatusCode.NotImplemented })
        {
            body.Position = 0;
            request = NewPut(key, body);
            await AskAsync(() => _client.PutObjectAsync(request, cancellationToken), "put", key);
        }

        Counters.CountWritten(content.Length);
        return true;
    }

    public async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        RefuseThePast();
        try
        {
            await AskAsync(() => _client.DeleteObjectAsync(_options.Bucket, _options.Prefix + key, cancellationToken), "delete", key);
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            // some servers answer 404 for what is not there
        }
    }

    /// <summary>Finds out what the bucket can do.</summary>
    /// <param name="mayWrite">Whether one small object below `kloset-operator/probe/` may be written and removed again; what only that shows stays unknown without it.</param>
    public Task<S3Capabilities> ProbeAsync(TimeProvider time, bool mayWrite, CancellationToken cancellationToken) =>
        new S3Probe(_client, _options, _http.CreateHttpClient(_client.Config), NewPut, time).RunAsync(mayWrite, cancellationToken);

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<bool> ExistsAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            await AskAsync(() => _client.GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = _options.Bucket, Key = _options.Prefix + key, ServerSideEncryptionCustomerMethod = CustomerMethod, ServerSideEncryptionCustomerProvidedKey = _options.ServerSideEncryptionCustomerKey }, cancellationToken), "look up", key);
            return true;
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            return false;
        }
    }

    private async Task<GetObjectResponse> GetAsync(string key, ByteRange? range, CancellationToken cancellationToken, string? etag = null)
    {
        var version = _versions is null ? null
            : await _versions.FindAsync(key) ?? throw new StoreException(StoreFailure.NotFound, $"{Location}: {key} was not there at {_options.AsOf:u}.");
        var request = new GetObjectRequest
        {
            BucketName = _options.Bucket,
            Key = _options.Prefix + key,
            VersionId = version?.VersionId,
            ByteRange = range,
            EtagToMatch = etag,
            ServerSideEncryptionCustomerMethod = CustomerMethod,
            ServerSideEncryptionCustomerProvidedKey = _options.ServerSideEncryptionCustomerKey,
        };
        return await AskAsync(() => _client.GetObjectAsync(request, cancellationToken), "read", key);
    }

    private ServerSideEncryptionCustomerMethod? CustomerMethod =>
        _options.ServerSideEncryptionCustomerKey is null ? null : ServerSideEncryptionCustomerMethod.AES256;

    internal PutObjectRequest NewPut(string key, Stream body)
    {
        RefuseThePast();
        var request = new PutObjectRequest
        {
            BucketName = _options.Bucket,
            Key = _options.Prefix + key,
            InputStream = body,
            AutoCloseStream = false,
            UseChunkEncoding = false,
            ContentType = "application/octet-stream",
            ServerSideEncryptionCustomerMethod = CustomerMethod,
            ServerSideEncryptionCustomerProvidedKey = _options.ServerSideEncryptionCustomerKey,
        };
        if (_options.ServerSideEncryption is { } encryption)
        {
            request.ServerSideEncryptionMethod = ServerSideEncryptionMethod.FindValue(encryption);
            request.ServerSideEncryptionKeyManagementServiceKeyId = _options.ServerSideEncryptionKmsKey;
        }

        if (StorageClassFor(key) is { } storageClass)
        {
            request.StorageClass = storageClass;
        }

        if (_objectLock is not null && ObjectLockPolicy.Covers(key))
        {
            _objectLock.Apply(request);
            request.MD5Digest = Digest(body); // without one the protocol refuses a lock
        }

        return request;
    }

    private void RefuseThePast()
    {
        if (_options.AsOf is { } asOf)
        {
            throw new StoreException(StoreFailure.AccessDenied, $"{Location} is shown as it was at {asOf:u}, and the past cannot be written to.");
        }
    }

    private static string Digest(Stream body)
    {
#pragma warning disable CA5351 // what the protocol's header wants; integrity is the repository's own business
        var digest = Convert.ToBase64String(System.Security.Cryptography.MD5.HashData(body));
#pragma warning restore CA5351
        body.Position = 0;
        return digest;
    }

    // CONFIG and locks are read at every opening: they stay where reading is quick and free
    private S3StorageClass? StorageClassFor(string key) =>
        _options.StorageClass is { } name && (key.StartsWith("packfiles/", StringComparison.Ordinal) || key.StartsWith("states/", StringComparison.Ordinal))
            ? S3StorageClass.FindValue(name)
            : null;

    private InitiateMultipartUploadRequest NewUpload(string key)
    {
        var start = new InitiateMultipartUploadRequest
        {
            BucketName = _options.Bucket,
            Key = _options.Prefix + key,
            ServerSideEncryptionCustomerMethod = CustomerMethod,
            ServerSideEncryptionCustomerProvidedKey = _options.ServerSideEncryptionCustomerKey,
        };
        if (_options.ServerSideEncryption is { } encryption)
        {
            start.ServerSideEncryptionMethod = ServerSideEncryptionMethod.FindValue(encryption);
            start.ServerSideEncryptionKeyManagementServiceKeyId = _options.ServerSideEncryptionKmsKey;
        }

        RefuseThePast();
        if (StorageClassFor(key) is { } storageClass)
        {
            start.StorageClass = storageClass;
        }

        if (ObjectLockPolicy.Covers(key))
        {
            _objectLock?.Apply(start);
        }

        return start;
    }

    private static async IAsyncEnumerable<ReadOnlySequence<byte>> Parts(ReadOnlySequence<byte> content)
    {
        for (long offset = 0; offset < content.Length; offset += PartSize)
        {
            yield return content.Slice(offset, Math.Min(PartSize, content.Length - offset));
        }

        await Task.CompletedTask;
    }

    private async Task PutInPartsAsync(string key, InitiateMultipartUploadRequest start, IAsyncEnumerable<ReadOnlySequence<byte>> content, CancellationToken cancellationToken)
    {
        var fullKey = start.Key;
        var upload = await AskAsync(() => _client.InitiateMultipartUploadAsync(start, cancellationToken), "put", key);
        try
        {
            var parts = new List<PartETag>();
            await foreach (var slice in content.WithCancellation(cancellationToken))
            {
                using var body = new ReadOnlySequenceStream(slice);
                var part = await AskAsync(
                    () => _client.UploadPartAsync(
                        new UploadPartRequest
                        {
                            BucketName = _options.Bucket,
                            Key = fullKey,
                            UploadId = upload.UploadId,
                            PartNumber = parts.Count + 1,
                            InputStream = body,
                            PartSize = slice.Length,
                            UseChunkEncoding = false,
                            ServerSideEncryptionCustomerMethod = CustomerMethod,
                            ServerSideEncryptionCustomerProvidedKey = _options.ServerSideEncryptionCustomerKey,
                        },
                        cancellationToken),
                    "put",
                    key);
                parts.Add(new PartETag(parts.Count + 1, part.ETag));
            }

            await AskAsync(
                () => _client.CompleteMultipartUploadAsync(
                    new CompleteMultipartUploadRequest { BucketName = _options.Bucket, Key = fullKey, UploadId = upload.UploadId, PartETags = parts },
                    cancellationToken),
                "put",
                key);
        }
        catch
        {
            // parts of an upload that nobody completes cost money until somebody aborts it
            await _client.AbortMultipartUploadAsync(_options.Bucket, fullKey, upload.UploadId, CancellationToken.None);
            throw;
        }
    }

    internal async Task<T> AskAsync<T>(Func<Task<T>> request, string verb, string key)
    {
        try
        {
            return await request();
        }
        catch (Exception exception) when (S3Failures.Classify(exception) is { } failure)
        {
            throw new StoreException(failure, $"{Location}: cannot {verb} {(key.Length == 0 ? "the bucket" : key)}: {S3Failures.Explain(exception, failure, _options)}", exception);
        }
    }

    private static bool IsBrokenBody(Exception exception) => exception is IOException or HttpRequestException or AmazonClientException;

    /// <summary>The body of a whole object; asks for the rest when the connection breaks off.</summary>
    private sealed class ResumingBody(S3Store store, string key, GetObjectResponse response) : Stream
    {
        private readonly long _length = response.ContentLength;
        private GetObjectResponse _response = response;
        private long _position;
        private int _failures;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => _length;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException("a body is read forward only");
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (true)
            {
                try
                {
                    var count = await _response.ResponseStream.ReadAsync(buffer, cancellationToken);
                    if (count == 0 && buffer.Length > 0 && _position < _length)
                    {
                        throw new EndOfStreamException("the connection ended early");
                    }

                    _position += count;
                    _failures = 0;
                    store.Counters.CountRead(count);
                    return count;
                }
                catch (Exception exception) when (IsBrokenBody(exception) && _position < _length)
                {
                    if (++_failures > store._options.MaxRetries)
                    {
                        throw new StoreException(StoreFailure.Unreachable, $"{store.Location}: reading {key} broke off {_failures} times: {exception.Message}", exception);
                    }

                    _response.Dispose();
                    _response = await store.GetAsync(key, new ByteRange(_position, _length - 1), cancellationToken);
                }
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException("a body from the network is read asynchronously");

        public override void Flush()
        {
            // nothing is written
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("a body is read forward only");

        public override void SetLength(long value) => throw new NotSupportedException("a body is read-only");

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("a body is read-only");

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _response.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
