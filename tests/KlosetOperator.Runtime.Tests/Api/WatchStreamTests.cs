using System.Text;
using CsCheck;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Tests.Support;

namespace KlosetOperator.Runtime.Tests.Api;

public sealed class WatchStreamTests
{
    private const string Added = """{"type":"ADDED","object":{"metadata":{"name":"a","namespace":"n","resourceVersion":"7"},"spec":{"size":3}}}""" + "\n";
    private const string Reversed = """{"object":{"metadata":{"name":"b","resourceVersion":"8"}},"more":[{"x":1}],"type":"MODIFIED"}""" + "\n";
    private const string Bookmark = """{"type":"BOOKMARK","object":{"kind":"Widget","metadata":{"resourceVersion":"12","creationTimestamp":null}}}""" + "\n";

    [Fact]
    public async Task Every_kind_of_event_is_read_whatever_the_order_of_its_fields()
    {
        var events = await ReadAsync(Added + Reversed + Bookmark + "\n  \n" + Added.Replace("ADDED", "DELETED", StringComparison.Ordinal));
        var added = Assert.IsType<WatchEvent<Widget>.Added>(events[0]).Entity;
        Assert.Equal(("a", 3), (added.Metadata.Name, added.Spec!.Size));
        Assert.Equal("b", Assert.IsType<WatchEvent<Widget>.Modified>(events[1]).Entity.Metadata.Name);
        Assert.Equal("12", Assert.IsType<WatchEvent<Widget>.Bookmark>(events[2]).ResourceVersion);
        Assert.IsType<WatchEvent<Widget>.Deleted>(events[3]);
        Assert.IsType<WatchEnd.Closed>(Assert.IsType<WatchEvent<Widget>.Ended>(events[4]).End);
        Assert.Equal(5, events.Count);
    }

    [Fact]
    public async Task A_watch_closed_before_its_first_event_ends_in_good_order() => Assert.IsType<WatchEnd.Closed>(await EndAsync(""));

    [Theory]
    [InlineData("""{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}}""")]
    [InlineData("""{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Gone"}}""")]
    public async Task An_error_event_of_an_old_version_says_expired(string line) => Assert.IsType<WatchEnd.Expired>(await EndAsync(Added + line + "\n"));

    [Fact]
    public async Task An_error_event_of_another_kind_is_an_error_with_its_code()
    {
        var failed = Assert.IsType<WatchEnd.Failed>(await EndAsync("""{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","message":"etcd is tired"}}""" + "\n"));
        Assert.Equal(500, (int)failed.Error.StatusCode!);
        Assert.Contains("etcd is tired", failed.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"type\":\"ADDED\",\"obj")]
    [InlineData("this is not JSON\n")]
    [InlineData("[]\n")]
    [InlineData("{\"type\":\"ADDED\"}\n")]
    [InlineData("{\"type\":3,\"object\":{}}\n")]
    [InlineData("{\"type\":\"INVENTED\",\"object\":{}}\n")]
    [InlineData("{\"type\":\"BOOKMARK\",\"object\":{}}\n")]
    [InlineData("{\"type\":\"ADDED\",\"object\":{}} {}\n")]
    public async Task What_is_cut_or_malformed_is_an_error_never_silence(string text) => Assert.IsType<WatchEnd.Failed>(await EndAsync(Added + text));

    [Theory]
    [InlineData("""{"type":"MODIFIED","object":{"metadata":{"name":"odd","namespace":"n","resourceVersion":"9"},"spec":{"size":"many"}}}""", false)]
    [InlineData("""{"type":"DELETED","object":{"metadata":{"name":"odd","namespace":"n","resourceVersion":"9"},"spec":[]}}""", true)]
    public async Task An_object_that_does_not_fit_its_type_is_told_with_its_name_and_the_watch_goes_on(string line, bool deletion)
    {
        var events = await ReadAsync(line + "\n" + Added);
        var odd = Assert.IsType<WatchEvent<Widget>.Undecodable>(events[0]);
        Assert.Equal((new NamespacedName("n", "odd"), "9", deletion), (odd.Item.Key, odd.Item.ResourceVersion, odd.IsDeletion));
        Assert.IsType<WatchEvent<Widget>.Added>(events[1]);
    }

    [Fact]
    public void It_does_not_matter_how_the_network_cuts_the_bytes() =>
        Gen.Int[1, 60].Array[0, 40].Sample(
            sizes =>
            {
                var text = Added + Bookmark + Reversed + Added;
                var events = ReadAsync(text, sizes).GetAwaiter().GetResult();
                return events.Select(static item => item.GetType().Name).SequenceEqual(["Added", "Bookmark", "Modified", "Added", "Ended"]);
            },
            iter: 200,
            seed: "0000KV3fY4U1");

    [Theory]
    [InlineData("{\"type\":\"BOOKMARK\",\"object\":3}")]
    [InlineData("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":7}}}")]
    [InlineData("{\"type\":\"ERROR\",\"object\":{\"details\":{\"causes\":[null]}}}")]
    [InlineData("{\"type\":\"ERROR\",\"object\":null}")]
    [InlineData("{\"type\":\"ERROR\",\"object\":[]}")]
    public async Task Rubbish_in_the_right_places_is_an_error(string line) => Assert.IsType<WatchEnd.Failed>(await EndAsync(line + "\n"));

    [Fact]
    public void Whatever_bytes_come_the_stream_ends_and_never_throws()
    {
        var text = Encoding.UTF8.GetBytes(Added + Bookmark + Reversed + """{"type":"ERROR","object":{"kind":"Status","code":500,"details":{"causes":[{"reason":"x"}]}}}""" + "\n");
        var mutation = Gen.Select(Gen.Int[0, text.Length - 1], Gen.Byte, Gen.Int[0, 2]);
        mutation.Array[1, 4].Sample(
            mutations =>
            {
                var bytes = text.ToList();
                foreach (var (at, value, kind) in mutations)
                {
                    var index = Math.Min(at, bytes.Count - 1);
                    switch (kind)
                    {
                        case 0:
                            bytes[index] = value;
                            break;
                        case 1:
                            bytes.Insert(index, value);
                            break;
                        default:
                            bytes.RemoveAt(index);
                            break;
                    }
                }

                var events = ReadAsync([.. bytes]).GetAwaiter().GetResult();
                return events[^1] is WatchEvent<Widget>.Ended && events.SkipLast(1).All(static item => item is not WatchEvent<Widget>.Ended);
            },
            iter: 3000,
            seed: "0003KV3fY4U1");
    }

    private static async Task<WatchEnd> EndAsync(string text) => Assert.IsType<WatchEvent<Widget>.Ended>((await ReadAsync(text))[^1]).End;

    private static Task<List<WatchEvent<Widget>>> ReadAsync(string text, params int[] sizes) => ReadAsync(Encoding.UTF8.GetBytes(text), sizes);

    private static async Task<List<WatchEvent<Widget>>> ReadAsync(byte[] bytes, params int[] sizes)
    {
        await using var stream = new WatchStream<Widget>(new Dribble(bytes, sizes), "watch widgets");
        var events = new List<WatchEvent<Widget>>();
        do
        {
            events.Add(await stream.NextAsync(TestContext.Current.CancellationToken));
        }
        while (events[^1] is not WatchEvent<Widget>.Ended);

        return events;
    }

    /// <summary>Gives its bytes in pieces of the given sizes.</summary>
    private sealed class Dribble(byte[] bytes, int[] sizes) : MemoryStream(bytes)
    {
        private int _read;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var size = sizes.Length == 0 ? buffer.Length : Math.Min(buffer.Length, sizes[_read++ % sizes.Length]);
            return base.ReadAsync(buffer[..size], cancellationToken);
        }
    }
}
