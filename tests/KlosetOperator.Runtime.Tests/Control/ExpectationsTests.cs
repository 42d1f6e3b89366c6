using k8s.Models;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;
using Microsoft.Extensions.Time.Testing;

namespace KlosetOperator.Runtime.Tests.Control;

public sealed class ExpectationsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Store<V1Job> _jobs = new();

    [Fact]
    public void A_created_child_is_there_before_the_cache_shows_it_and_the_caches_version_counts_from_then_on()
    {
        using var expectations = new Expectations<V1Job>(_jobs, _time);
        expectations.Created(Job("j", "1", "old"));
        Assert.Equal("old", Assert.Single(expectations.OwnedBy("owner")).Metadata.ResourceVersion);
        Assert.Empty(expectations.OwnedBy("another"));
        _jobs.Upsert(Job("j", "1", "new"));
        Assert.Equal("new", Assert.Single(expectations.OwnedBy("owner")).Metadata.ResourceVersion);
        _jobs.Remove(new("default", "j"));
        Assert.Empty(expectations.OwnedBy("owner"));
    }

    [Fact]
    public void An_event_about_an_earlier_child_of_that_name_says_nothing_about_the_new_one()
    {
        using var expectations = new Expectations<V1Job>(_jobs, _time);
        _jobs.Upsert(Job("j", "old", "1"));
        expectations.Created(Job("j", "new", "9"));
        _jobs.Remove(new("default", "j"));
        Assert.Equal("new", Assert.Single(expectations.OwnedBy("owner")).Metadata.Uid);
    }

    [Fact]
    public void A_child_that_came_and_went_before_the_answer_is_believed_gone_after_a_minute()
    {
        using var expectations = new Expectations<V1Job>(_jobs, _time);
        expectations.Created(Job("j", "1", "1"));
        _time.Advance(Expectations<V1Job>.Lifetime);
        Assert.Empty(expectations.OwnedBy("owner"));
    }

    [Fact]
    public void A_child_that_the_cache_already_shows_is_not_remembered()
    {
        using var expectations = new Expectations<V1Job>(_jobs, _time);
        _jobs.Upsert(Job("j", "1", "2"));
        expectations.Created(Job("j", "1", "1"));
        Assert.Equal("2", Assert.Single(expectations.OwnedBy("owner")).Metadata.ResourceVersion);
    }

    private static V1Job Job(string name, string uid, string version) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = name,
            NamespaceProperty = "default",
            Uid = uid,
            ResourceVersion = version,
            OwnerReferences = [new V1OwnerReference { ApiVersion = "example.org/v1", Kind = "Widget", Name = "w", Uid = "owner", Controller = true }],
        },
    };
}
