using System.Buffers;
using Amazon.S3.Model;

namespace Kloset.Storage.S3;

/// <summary>The bucket as a place for ordinary files: streamed, of any length, with metadata. A repository needs none of this.</summary>
public sealed partial class S3Store
{
    /// <summary>A part is held in memory while it is sent; S3 wants 5 MiB at least and 10,000 parts at most.</summary>
    private const int FilePartSize = 16 << 20;

    private const int MaxParts = 10_000;

    /// <summary>Metadata of an object (`x-amz-meta-*`, names without that prefix, in lower case); null when it is not there.</summary>
    public async Task<IReadOnlyDictionary<string, string>?> ReadMetadataAsync(string key, CancellationToken cancellationToken)
    {
        const string Prefix = "x-amz-meta-";
        var request = new GetObjectMetadataRequest
        {
            BucketName = _options.Bucket,
            Key = _options.Prefix + key,
            ServerSideEncryptionCustomerMethod = CustomerMethod,
            ServerSideEncryptionCustomerProvidedKey = _options.ServerSideEncryptionCustomerKey,
        };
        try
        {
            var response = await AskAsync(() => _client.GetObjectMetadataAsync(request, cancellationToken), "look up", key);
            return response.Metadata.Keys.ToDictionary(
                name => name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? name[Prefix.Length..].ToLowerInvariant() : name,
                name => response.Metadata[name]);
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            return null;
        }
    }

    /// <summary>Stores a file from a stream that is read once. The object appears as a whole or not at all.</summary>
    /// <param name="size">Bytes of <paramref name="content"/>; another length fails.</param>
    public async Task PutFileAsync(
        string key, Stream content, long size, string contentType, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var partSize = (int)Math.Max(FilePartSize, (size + MaxParts - 1) / MaxParts);
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(partSize, Math.Max(size, 1)));
        try
        {
            if (size <= partSize)
            {
                await content.ReadExactlyAsync(buffer.AsMemory(0, (int)size), cancellationToken);
                await RequireEndAsync(content, cancellationToken);
                using var body = new ReadOnlySequenceStream(new(buffer, 0, (int)size));
                var request = NewPut(key, body);
                request.ContentType = contentType;
                foreach (var (name, value) in metadata)
                {
                    request.Metadata.Add(name, value);
                }

                await AskAsync(() => _client.PutObjectAsync(request, cancellationToken), "put", key);
            }
            else
            {
                var start = NewUpload(key);
                start.ContentType = contentType;
                foreach (var (name, value) in metadata)
                {
                    start.Metadata.Add(name, value);
                }

                await PutInPartsAsync(key, start, Parts(content, size, buffer, partSize, cancellationToken), cancellationToken);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        Counters.CountWritten(size);
    }

    /// <summary>A verifying stream gives its verdict at its end, and that must come before the object is there.</summary>
    private static async Task RequireEndAsync(Stream content, CancellationToken cancellationToken)
    {
        if (await content.ReadAsync(new byte[1], cancellationToken) != 0)
        {
            throw new InvalidDataException("the content is longer than was announced");
        }
    }

    /// <summary>Parts in one buffer: each is sent before the next one is read.</summary>
    private static async IAsyncEnumerable<ReadOnlySequence<byte>> Parts(
        Stream content, long size, byte[] buffer, int partSize, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var rest = size; rest > 0; rest -= partSize)
        {
            var count = (int)Math.Min(partSize, rest);
            await content.ReadExactlyAsync(buffer.AsMemory(0, count), cancellationToken);
            yield return new(buffer, 0, count);
        }

        await RequireEndAsync(content, cancellationToken);
    }
}
