using System.Buffers;
using System.Security.Cryptography.X509Certificates;
using Kloset.Storage;
using Kloset.Storage.S3;
using Microsoft.Extensions.Time.Testing;

namespace Kloset.Tests.Storage;

[Collection(S3ServerCollection.Name)]
public sealed class S3StoreTests(S3ServerFixture fixture) : StoreContract
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected override async Task<IStore> NewStoreAsync() => new S3Store(await OptionsAsync());

    [Fact]
    public async Task A_listing_of_more_than_a_page_is_whole()
    {
        await using var store = new S3Store(await OptionsAsync());
        var keys = Enumerable.Range(0, 1100).Select(number => Key("states", number)).ToList();
        await Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Cancel }, async (key, cancel) =>
            await store.PutAsync(key, Text("x"), cancel));
        Assert.Equal(keys.Order(StringComparer.Ordinal), (await store.ListAsync("states/", Cancel).ToListAsync(Cancel)).Select(item => item.Key));
    }

    [Fact]
    public async Task An_object_above_the_multipart_threshold_is_sent_in_parts()
    {
        await using var store = new S3Store(await OptionsAsync());
        var content = Noise((128 << 20) + 12345);
        await store.PutAsync(Key("states", 1), new ReadOnlySequence<byte>(content), Cancel);
        var range = new byte[100_000];
        await store.ReadRangeAsync(Key("states", 1), content.Length - range.Length, range, Cancel);
        Assert.True(content.AsSpan(content.Length - range.Length).SequenceEqual(range));
        Assert.Equal(content.Length, (await store.ListAsync("states/", Cancel).ToListAsync(Cancel)).Single().Size);
    }

    [Fact]
    public async Task Two_prefixes_of_one_bucket_do_not_see_one_another()
    {
        var options = await OptionsAsync();
        await using var alice = new S3Store(options with { Prefix = "/family//alice/" });
        await using var bob = new S3Store(options with { Prefix = "family/bob" });
        await alice.PutAsync("CONFIG", Text("a"), Cancel);
        await bob.PutAsync("CONFIG", Text("b"), Cancel);
        Assert.Equal(["CONFIG"], (await alice.ListAsync("", Cancel).ToListAsync(Cancel)).Select(item => item.Key));
        Assert.Equal("b"u8.ToArray(), await ReadAllAsync(bob, "CONFIG"));
    }

    [Fact]
    public async Task A_missing_bucket_is_named_and_not_made()
    {
        var options = await OptionsAsync();
        await using var store = new S3Store(options with { Bucket = "never-made" });
        var failure = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("CONFIG", Text("x"), Cancel));
        Assert.Equal(StoreFailure.BucketMissing, failure.Failure);
        Assert.Contains("never-made", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refused_credentials_are_access_denied_and_not_printed()
    {
        var options = await OptionsAsync();
        await using var store = new S3Store(options with { Credentials = new S3Credentials(fixture.ServerOrSkip().AccessKey, "not-the-secret") });
        var failure = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("CONFIG", Text("x"), Cancel));
        Assert.Equal(StoreFailure.AccessDenied, failure.Failure);
        Assert.DoesNotContain("not-the-secret", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endpoint_that_nobody_answers_is_unreachable()
    {
        await using var store = new S3Store(new S3Options
        {
            Endpoint = new Uri("http://127.0.0.1:9"),
            Bucket = "photos",
            Credentials = new S3Credentials("a", "b"),
            MaxRetries = 1,
        });
        var failure = await Assert.ThrowsAsync<StoreException>(() => ReadAllAsync(store, "CONFIG"));
        Assert.Equal(StoreFailure.Unreachable, failure.Failure);
        Assert.Contains("127.0.0.1:9", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_private_CA_is_trusted_only_when_it_is_given()
    {
        var server = fixture.ServerOrSkip();
        Assert.SkipWhen(server.TlsEndpoint is null, "this S3 server has no TLS endpoint of ours");
        var options = await OptionsAsync() with { Endpoint = server.TlsEndpoint, MaxRetries = 1 };

        await using var distrusting = new S3Store(options);
        var failure = await Assert.ThrowsAsync<StoreException>(() => distrusting.PutAsync("CONFIG", Text("x"), Cancel));
        Assert.Contains("not trusted", failure.Message, StringComparison.Ordinal);

        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(server.CaFile);
        await using var trusting = new S3Store(options with { TrustedCertificates = authorities });
        await trusting.PutAsync("CONFIG", Text("x"), Cancel);
        Assert.Equal("x"u8.ToArray(), await ReadAllAsync(trusting, "CONFIG"));
    }

    [Fact]
    public async Task Every_put_carries_a_checksum_and_no_chunk_framing()
    {
        var requests = new List<HttpRequestMessage>();
        await using var store = new S3Store(await OptionsAsync(), inner => new Recorder(inner, requests));
        await store.PutAsync(Key("packfiles", 1), Text("some bytes"), Cancel);
        var put = Assert.Single(requests, request => request.Method == HttpMethod.Put);
        Assert.True(put.Headers.Contains("x-amz-checksum-crc32") || put.Headers.Any(header => header.Key.StartsWith("x-amz-checksum-", StringComparison.OrdinalIgnoreCase)));
        Assert.DoesNotContain(put.Content!.Headers.ContentEncoding, encoding => encoding == "aws-chunked");
        Assert.Equal(1, store.Counters.Requests);
        Assert.Equal(10, store.Counters.BytesWritten);
    }

    [Fact]
    public async Task All_that_is_put_is_encrypted_under_the_key_of_the_key_management_and_comes_back()
    {
        Assert.SkipUnless(fixture.ServerOrSkip().IsOurs, "this S3 server's key management is not ours to set up");
        var requests = new List<HttpRequestMessage>();
        var options = await OptionsAsync() with { ServerSideEncryption = "aws:kms", ServerSideEncryptionKmsKey = S3Server.S3TestServer.KmsKey };
        await using var store = new S3Store(options, inner => new Recorder(inner, requests));
        var large = Noise(129 << 20); // in parts
        await store.PutAsync(Key("packfiles", 1), new ReadOnlySequence<byte>(large), Cancel);
        await store.PutAsync(Key("states", 2), Text("a state"), Cancel);
        Assert.True(await store.PutIfAbsentAsync("CONFIG", Text("a configuration"), Cancel));
        using (var body = new MemoryStream(large, 0, 6 << 20))
            await store.PutFileAsync("a file.jpg", body, body.Length, "image/jpeg", new Dictionary<string, string>(), Cancel);
        foreach (var key in (string[])[Key("packfiles", 1), Key("states", 2), "CONFIG", "a file.jpg"])
        {
            var stored = await store.Client.GetObjectMetadataAsync(options.Bucket, key, Cancel);
            Assert.Equal("aws:kms", stored.ServerSideEncryptionMethod.Value);
            Assert.Equal(S3Server.S3TestServer.KmsKey, stored.ServerSideEncryptionKeyManagementServiceKeyId);
        }

        Assert.Equal(large, await ReadAllAsync(store, Key("packfiles", 1)));
        var range = new byte[1000];
        await store.ReadRangeAsync(Key("packfiles", 1), (64 << 20) - 500, range, Cancel);
        Assert.True(large.AsSpan((64 << 20) - 500, range.Length).SequenceEqual(range));
        Assert.Equal("a state"u8.ToArray(), await ReadAllAsync(store, Key("states", 2)));
        Assert.Equal("a configuration"u8.ToArray(), await ReadAllAsync(store, "CONFIG"));

        // Whatever makes an object names the key; a part of one inherits it.
        var making = requests.Where(r => (r.Method == HttpMethod.Put && !r.RequestUri!.Query.Contains("partNumber", StringComparison.Ordinal)) || r.RequestUri!.Query.StartsWith("?uploads", StringComparison.Ordinal)).ToList();
        Assert.Equal(4, making.Count);
        Assert.All(making, r => Assert.Equal("aws:kms", Assert.Single(r.Headers.GetValues("x-amz-server-side-encryption"))));
        Assert.All(making, r => Assert.Equal(S3Server.S3TestServer.KmsKey, Assert.Single(r.Headers.GetValues("x-amz-server-side-encryption-aws-kms-key-id"))));

        await using var stranger = new S3Store(options with { ServerSideEncryptionKmsKey = "a key that is not there", MaxRetries = 0 });
        await Assert.ThrowsAsync<StoreException>(() => stranger.PutAsync(Key("states", 3), Text("x"), Cancel));
        Assert.DoesNotContain(Key("states", 3), (await store.ListAsync("", Cancel).ToListAsync(Cancel)).Select(item => item.Key));
    }

    [Fact]
    public async Task Bodies_go_out_no_faster_than_the_limit_and_are_whole()
    {
        var time = new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.Zero };
        var limit = new BandwidthLimit(1 << 20, time);
        await using var store = new S3Store(await OptionsAsync() with { UploadLimit = limit, Time = time });
        var content = Noise(3 << 20);
        var started = time.GetTimestamp();
        var put = store.PutAsync(Key("packfiles", 1), new ReadOnlySequence<byte>(content), Cancel);
        while (!put.IsCompleted)
        {
            await Task.Delay(1, Cancel);
            time.Advance(TimeSpan.FromMilliseconds(20));
        }

        await put;
        Assert.InRange(time.GetElapsedTime(started).TotalSeconds, 2.8, double.MaxValue);
        Assert.Equal(content, await ReadAllAsync(store, Key("packfiles", 1)));
    }

    [Fact]
    public async Task A_server_that_stands_still_is_given_up_and_a_slow_one_is_not()
    {
        var time = new FakeTimeProvider();
        var options = await OptionsAsync() with { Time = time, RequestTimeout = TimeSpan.FromSeconds(30), MaxRetries = 1 };
        await using var slow = new S3Store(options with { UploadLimit = new BandwidthLimit(64 << 10, time) });
        var put = slow.PutAsync(Key("packfiles", 1), new ReadOnlySequence<byte>(Noise(4 << 20)), Cancel); // 64 s at this rate
        while (!put.IsCompleted)
        {
            await Task.Delay(1, Cancel);
            time.Advance(TimeSpan.FromMilliseconds(100));
        }

        await put;

        await using var still = new S3Store(options, inner => new Silence(inner));
        var get = ReadAllAsync(still, Key("packfiles", 1));
        while (!get.IsCompleted)
        {
            await Task.Delay(1, Cancel);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(StoreFailure.Unreachable, (await Assert.ThrowsAsync<StoreException>(() => get)).Failure);
    }

    [Theory]
    [InlineData(503)]
    [InlineData(500)]
    [InlineData(429)]
    [InlineData(-1)]
    public async Task A_request_that_fails_at_first_is_tried_again(int failure)
    {
        await using var store = new S3Store(await OptionsAsync(), inner => new FailEveryOther(inner, failure));
        for (var number = 0; number < 3; number++)
        {
            await store.PutAsync(Key("packfiles", number), Text("object " + number), Cancel);
        }

        Assert.Equal(3, (await store.ListAsync("packfiles/", Cancel).ToListAsync(Cancel)).Count);
        Assert.Equal("object 2"u8.ToArray(), await ReadAllAsync(store, Key("packfiles", 2)));
    }

    [Fact]
    public async Task A_body_that_breaks_off_is_taken_up_where_it_ended()
    {
        var content = Noise(1 << 20);
        await using var store = new S3Store(await OptionsAsync(), inner => new CutBodies(inner, after: 100_000));
        await store.PutAsync(Key("packfiles", 1), new ReadOnlySequence<byte>(content), Cancel);
        var range = new byte[500_000];
        await store.ReadRangeAsync(Key("packfiles", 1), 1234, range, Cancel);
        Assert.True(content.AsSpan(1234, range.Length).SequenceEqual(range));
        var small = new S3Store(await OptionsAsync(), inner => new CutBodies(inner, after: 300_000));
        await small.PutAsync(Key("packfiles", 1), new ReadOnlySequence<byte>(content), Cancel);
        Assert.Equal(content, await ReadAllAsync(small, Key("packfiles", 1)));
    }

    [Fact]
    public async Task What_the_bucket_can_do_is_tried_and_leaves_nothing_behind()
    {
        await using var store = new S3Store(await OptionsAsync());
        var bucket = await store.ProbeAsync(TimeProvider.System, mayWrite: true, Cancel);
        Assert.Null(bucket.WriteProblem);
        Assert.NotEqual(S3Support.Unknown, bucket.ConditionalPut);
        Assert.NotEqual(S3Support.Unknown, bucket.Checksums);
        Assert.Equal(S3Support.No, bucket.Versioning);
        Assert.Equal(S3Support.No, bucket.ObjectLock);
        Assert.InRange(bucket.ClockSkew!.Value.Duration(), TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.Empty(await store.ListAsync("", Cancel).ToListAsync(Cancel));
        var looked = await store.ProbeAsync(TimeProvider.System, mayWrite: false, Cancel);
        Assert.Equal(S3Support.Unknown, looked.ConditionalPut);
        var refused = new S3Store(await OptionsAsync() with { Bucket = "never-made", MaxRetries = 0 });
        Assert.NotNull((await refused.ProbeAsync(TimeProvider.System, mayWrite: true, Cancel)).WriteProblem);
    }

    [Theory]
    [InlineData(null, "")]
    [InlineData("", "")]
    [InlineData("/", "")]
    [InlineData("a", "a/")]
    [InlineData("/a//b/", "a/b/")]
    public void A_prefix_has_no_leading_slash_and_one_at_its_end(string? given, string normal) =>
        Assert.Equal(normal, S3Options.NormalizePrefix(given));

    [Fact]
    public void A_prefix_does_not_climb() => Assert.Throws<ArgumentException>(() => S3Options.NormalizePrefix("a/../b"));

    private async Task<S3Options> OptionsAsync()
    {
        var server = fixture.ServerOrSkip();
        return new S3Options
        {
            Endpoint = server.Endpoint,
            Bucket = await server.CreateBucketAsync(Cancel),
            Credentials = new S3Credentials(server.AccessKey, server.SecretKey),
        };
    }

    private sealed class Silence(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return new();
        }
    }

    private sealed class Recorder(HttpMessageHandler inner, List<HttpRequestMessage> requests) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            lock (requests)
            {
                requests.Add(request);
            }

            return base.SendAsync(request, cancellationToken);
        }
    }

    /// <summary>Ends the body of each answer to a GET of an object after some bytes.</summary>
    private sealed class CutBodies(HttpMessageHandler inner, int after) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (request.Method == HttpMethod.Get && response.Content.Headers.ContentLength > after)
            {
                var cut = new StreamContent(new CutStream(await response.Content.ReadAsStreamAsync(cancellationToken), after));
                foreach (var header in response.Content.Headers)
                {
                    cut.Headers.TryAddWithoutValidation(header.Key, header.Value);
                }

                response.Content = cut;
            }

            return response;
        }
    }

    private sealed class CutStream(Stream inner, int after) : Stream
    {
        private int _left = after;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left == 0)
            {
                throw new IOException("the connection was reset");
            }

            var count = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, _left)], cancellationToken);
            _left -= count;
            return count;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
