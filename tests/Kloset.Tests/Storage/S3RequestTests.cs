using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Kloset.Storage.S3;

namespace Kloset.Tests.Storage;

/// <summary>What goes over the wire, seen by a handler that answers in the server's place.</summary>
public sealed class S3RequestTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static S3Options Options => new()
    {
        Endpoint = new Uri("https://s3.example.net:8443"),
        Bucket = "photos",
        Prefix = "family",
        Credentials = new S3Credentials("key", "secret"),
        MaxRetries = 2,
    };

    [Theory]
    [InlineData(false, "https://s3.example.net:8443/photos/family/CONFIG")]
    [InlineData(true, "https://photos.s3.example.net:8443/family/CONFIG")]
    public async Task The_bucket_is_in_the_path_or_in_the_host_name(bool virtualHost, string url)
    {
        var seen = await CaptureAsync(Options with { VirtualHost = virtualHost }, store => store.PutAsync("CONFIG", Text("x"), Token));
        Assert.Equal(url, seen.Single().Url);
    }

    [Fact]
    public async Task Every_body_goes_out_plain_with_a_checksum_of_what_was_put()
    {
        var content = new byte[200_000];
        new Random(1).NextBytes(content);
        var seen = (await CaptureAsync(Options, store => store.PutAsync("packfiles/aa/x", new ReadOnlySequence<byte>(content), Token))).Single();

        Assert.Equal(content, seen.Body);
        Assert.Equal(content.Length.ToString(CultureInfo.InvariantCulture), seen.Headers["Content-Length"]);
        Assert.DoesNotContain("aws-chunked", seen.Headers.GetValueOrDefault("Content-Encoding", ""), StringComparison.Ordinal);
        Assert.Equal(Convert.ToBase64String(Crc32(content)), seen.Headers["x-amz-checksum-crc32"]);
    }

    [Fact]
    public async Task Encryption_at_rest_and_storage_class_are_asked_for_by_headers()
    {
        var kms = (await CaptureAsync(
            Options with { ServerSideEncryption = "aws:kms", ServerSideEncryptionKmsKey = "key-7", StorageClass = "STANDARD_IA" },
            async store =>
            {
                await store.PutAsync("packfiles/aa/x", Text("x"), Token);
                await store.PutAsync("CONFIG", Text("x"), Token);
            })).ToList();
        Assert.All(kms, request => Assert.Equal("aws:kms", request.Headers["x-amz-server-side-encryption"]));
        Assert.All(kms, request => Assert.Equal("key-7", request.Headers["x-amz-server-side-encryption-aws-kms-key-id"]));
        Assert.Equal("STANDARD_IA", kms[0].Headers["x-amz-storage-class"]);
        Assert.DoesNotContain("x-amz-storage-class", kms[1].Headers.Keys);

        var managed = await CaptureAsync(Options with { ServerSideEncryption = "AES256" }, store => store.PutAsync("states/aa/x", Text("x"), Token));
        Assert.Equal("AES256", managed.Single().Headers["x-amz-server-side-encryption"]);

        var key = Convert.ToBase64String([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);
        var own = await CaptureAsync(
            Options with { ServerSideEncryptionCustomerKey = key },
            async store =>
            {
                await store.PutAsync("packfiles/aa/x", Text("x"), Token);
                await using var read = await store.OpenReadAsync("packfiles/aa/x", Token);
                await store.ReadRangeAsync("packfiles/aa/x", 0, new byte[1], Token);
            });
        Assert.Equal(3, own.Count);
        Assert.All(own, request => Assert.Equal(key, request.Headers["x-amz-server-side-encryption-customer-key"]));
        Assert.All(own, request => Assert.Equal("AES256", request.Headers["x-amz-server-side-encryption-customer-algorithm"]));
    }

    [Fact]
    public async Task Parts_of_a_large_object_are_encrypted_like_small_ones_and_carry_checksums()
    {
        var megabyte = new byte[1 << 20];
        var seen = await CaptureAsync(
            Options with { ServerSideEncryption = "aws:kms", ServerSideEncryptionKmsKey = "key-7", StorageClass = "STANDARD_IA" },
            store => store.PutAsync("packfiles/aa/x", Repeat(megabyte, 130), Token), keepBodies: false);

        var start = seen.Single(request => request.Url.EndsWith("?uploads", StringComparison.Ordinal));
        Assert.Equal("aws:kms", start.Headers["x-amz-server-side-encryption"]);
        Assert.Equal("STANDARD_IA", start.Headers["x-amz-storage-class"]);
        var parts = seen.Where(request => request.Url.Contains("partNumber=", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, parts.Count);
        Assert.All(parts, part => Assert.Contains(part.Headers.Keys, name => name.StartsWith("x-amz-checksum-", StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public async Task A_clock_that_is_wrong_is_corrected_by_the_servers_answer()
    {
        var server = DateTimeOffset.Parse("2031-05-06T07:08:09Z", CultureInfo.InvariantCulture);
        var times = new List<DateTimeOffset>();
        await CaptureAsync(
            Options, store => store.PutAsync("CONFIG", Text("x"), Token),
            answer: (request, number) =>
            {
                times.Add(DateTimeOffset.ParseExact(request.Headers["X-Amz-Date"], "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal));
                if (number > 1)
                    return null;
                var refusal = new HttpResponseMessage(HttpStatusCode.Forbidden)
                {
                    Content = new StringContent("<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message></Error>", Encoding.UTF8, "application/xml"),
                };
                refusal.Headers.Date = server;
                return refusal;
            });
        Assert.Equal(2, times.Count);
        Assert.InRange((times[1] - server).Duration(), TimeSpan.Zero, TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task Requests_and_bytes_are_counted_tries_included()
    {
        var failed = 0;
        await using var store = new S3Store(Options, _ => new Answering([], keepBodies: true, (_, _) => failed++ == 0 ? new HttpResponseMessage(HttpStatusCode.ServiceUnavailable) { Content = new StringContent("") } : null));
        await store.PutAsync("CONFIG", Text("12345"), Token);
        Assert.Equal(5, store.Counters.BytesWritten);
        Assert.Equal(2, failed);
    }

    private static ReadOnlySequence<byte> Text(string text) => new(Encoding.UTF8.GetBytes(text));

    private static async Task<IReadOnlyList<Seen>> CaptureAsync(
        S3Options options, Func<S3Store, Task> use, bool keepBodies = true, Func<Seen, int, HttpResponseMessage?>? answer = null)
    {
        var seen = new ConcurrentQueue<Seen>();
        await using var store = new S3Store(options, _ => new Answering(seen, keepBodies, answer));
        await use(store);
        return [.. seen];
    }

    private static byte[] Crc32(byte[] bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }

        crc = ~crc;
        return [(byte)(crc >> 24), (byte)(crc >> 16), (byte)(crc >> 8), (byte)crc];
    }

    private static ReadOnlySequence<byte> Repeat(byte[] piece, int count)
    {
        var first = new Segment(piece, 0);
        var last = first;
        for (var i = 1; i < count; i++)
            last = last.Append(piece);
        return new ReadOnlySequence<byte>(first, 0, last, piece.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] bytes, long index)
        {
            Memory = bytes;
            RunningIndex = index;
        }

        public Segment Append(byte[] bytes)
        {
            var next = new Segment(bytes, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }

    internal sealed record Seen(HttpMethod Method, string Url, Dictionary<string, string> Headers, byte[] Body);

    private sealed class Answering(ConcurrentQueue<Seen> seen, bool keepBodies, Func<Seen, int, HttpResponseMessage?>? answer) : HttpMessageHandler
    {
        private int _count;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var headers = request.Headers.Concat(request.Content?.Headers.AsEnumerable() ?? []).ToDictionary(h => h.Key, h => string.Join(',', h.Value), StringComparer.OrdinalIgnoreCase);
            var body = keepBodies && request.Content is not null ? await request.Content.ReadAsByteArrayAsync(cancellationToken) : [];
            var one = new Seen(request.Method, request.RequestUri!.AbsoluteUri, headers, body);
            seen.Enqueue(one);
            if (answer?.Invoke(one, Interlocked.Increment(ref _count)) is { } given)
            {
                given.RequestMessage = request;
                return given;
            }

            var text = one.Url.EndsWith("?uploads", StringComparison.Ordinal)
                ? "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
                : one.Url.Contains("uploadId=", StringComparison.Ordinal) && one.Method == HttpMethod.Post
                    ? "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>"
                    : one.Method == HttpMethod.Get ? "x" : "";
            var response = new HttpResponseMessage(HttpStatusCode.OK) { RequestMessage = request, Content = new StringContent(text) };
            response.Headers.ETag = new System.Net.Http.Headers.EntityTagHeaderValue("\"9dd4e461268c8034f5c8564e155c67a6\""); // of "x"; the SDK compares
            return response;
        }
    }
}
