using System.Net;
using System.Text.Json.Nodes;
using DevCluster.Faults;
using DevCluster.Json;
using static DevCluster.Tests.ClusterClient;

namespace DevCluster.Tests;

public sealed class ApiServerTests
{
    [Fact]
    public async Task A_created_object_has_its_defaults_and_loses_what_the_schema_does_not_know()
    {
        await using var client = await StartAsync();
        var body = Backup("alice");
        body["spec"]!["nonsense"] = 1;
        body["status"] = new JsonObject { ["items"] = 5 };
        var (code, created) = await client.PostAsync(Backups, body);
        Assert.Equal(HttpStatusCode.Created, code);
        Assert.Equal("30m", created.Text("spec", "settle"));
        Assert.Equal(-1, created.Integer("status", "observedGeneration"));
        Assert.Null(created.At("status", "items"));
        Assert.Null(created.At("spec", "nonsense"));
        Assert.Equal(1, created.Integer("metadata", "generation"));
        Assert.NotNull(created.Text("metadata", "uid"));
    }

    [Fact]
    public async Task Strict_field_validation_refuses_unknown_fields()
    {
        await using var client = await StartAsync();
        var body = Backup("alice");
        body["spec"]!["nonsense"] = 1;
        var (code, status) = await client.PostAsync(Backups + "?fieldValidation=Strict", body);
        Assert.Equal(HttpStatusCode.BadRequest, code);
        Assert.Contains("unknown field \"spec.nonsense\"", status.Text("message"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"spec":{"settle":"0s"}}""", "spec.settle: Invalid value: \"0s\": settle must be positive")]
    [InlineData("""{"spec":{"account":{"id":"bob"}}}""", "spec.account.id: Invalid value: \"bob\": the account is immutable")]
    [InlineData("""{"spec":{"source":{"library":{}}}}""", "spec.source: Invalid value: \"object\": exactly one source")]
    [InlineData("""{"spec":{"suspend":"yes"}}""", "spec.suspend in body must be of type boolean")]
    [InlineData("""{"spec":{"mode":"Wild"}}""", "spec.mode: Unsupported value: \"Wild\": supported values: \"Fast\", \"Safe\"")]
    [InlineData("""{"spec":{"account":{"id":null}}}""", "spec.account.id: Required value")]
    [InlineData("""{"spec":{"tags":["a","a"]}}""", "spec.tags[1]: Duplicate value: \"a\"")]
    [InlineData("""{"spec":{"source":{"takeout":{"locations":0}}}}""", "should be greater than or equal to 1")]
    public async Task What_breaks_the_schema_or_a_rule_is_refused_by_name(string patch, string message)
    {
        await using var client = await StartAsync();
        await client.PostAsync(Backups, Backup("alice"));
        var (code, status) = await client.MergeAsync(Backups + "/alice", patch);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, code);
        Assert.Contains(message, status.Text("message"), StringComparison.Ordinal);
        Assert.Equal("Invalid", status.Text("reason"));
    }

    [Fact]
    public async Task A_definition_with_a_rule_that_can_not_be_evaluated_is_refused()
    {
        await using var client = await StartAsync();
        var definition = client.Cluster.Get("customresourcedefinitions.apiextensions.k8s.io", "", "photobackups.kloset.dev")!;
        var rules = definition.Array("spec", "versions")![0].Array("schema", "openAPIV3Schema", "properties", "spec", "properties", "source", "x-kubernetes-validations")!;
        foreach (var (rule, message) in new[] { ("frobnicate(self)", "frobnicate"), ("self.nothing == 1", "undefined field 'nothing'"), ("self. == 1", "Syntax error"), ("other.x", "undeclared reference to 'other'") })
        {
            rules[0]!["rule"] = rule;
            var (code, status) = await client.PutAsync("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/photobackups.kloset.dev", definition);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, code);
            Assert.Contains(message, status.Text("message"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Status_is_written_only_by_its_subresource_and_generation_counts_only_the_spec()
    {
        await using var client = await StartAsync();
        await client.PostAsync(Backups, Backup("alice"));
        await client.MergeAsync(Backups + "/alice/status", """{"status":{"items":7},"spec":{"suspend":true}}""");
        var (_, after) = await client.MergeAsync(Backups + "/alice", """{"metadata":{"labels":{"a":"b"}},"status":{"items":9}}""");
        Assert.Equal(7, after.Integer("status", "items"));
        Assert.Equal(1, after.Integer("metadata", "generation"));
        Assert.False(after.Flag("spec", "suspend"));
        (_, after) = await client.MergeAsync(Backups + "/alice", """{"spec":{"suspend":true}}""");
        Assert.Equal(2, after.Integer("metadata", "generation"));
    }

    [Fact]
    public async Task An_update_from_an_old_revision_conflicts()
    {
        await using var client = await StartAsync();
        var (_, first) = await client.PostAsync(Backups, Backup("alice"));
        await client.MergeAsync(Backups + "/alice", """{"spec":{"suspend":true}}""");
        var (code, status) = await client.PutAsync(Backups + "/alice", first);
        Assert.Equal(HttpStatusCode.Conflict, code);
        Assert.Contains("the object has been modified", status.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_write_that_changes_nothing_makes_no_revision()
    {
        await using var client = await StartAsync();
        var (_, first) = await client.PostAsync(Backups, Backup("alice"));
        var (_, second) = await client.MergeAsync(Backups + "/alice", """{"spec":{"suspend":false}}""");
        Assert.Equal(first.Text("metadata", "resourceVersion"), second.Text("metadata", "resourceVersion"));
    }

    [Fact]
    public async Task Dry_run_tells_and_stores_nothing()
    {
        await using var client = await StartAsync();
        var (code, _) = await client.PostAsync(Backups + "?dryRun=All", Backup("alice"));
        Assert.Equal(HttpStatusCode.Created, code);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(Backups + "/alice")).Code);
    }

    [Fact]
    public async Task Lists_come_in_pages_and_by_selector()
    {
        await using var client = await StartAsync();
        for (var i = 0; i < 7; i++)
        {
            var body = Backup($"b{i}");
            body["metadata"]!["labels"] = new JsonObject { ["odd"] = (i % 2 == 1).ToString() };
            body["spec"]!["repositoryRef"]!["name"] = i < 3 ? "family" : "work";
            await client.PostAsync(Backups, body);
        }

        var names = new List<string>();
        var next = "";
        do
        {
            var (_, page) = await client.GetAsync($"{Backups}?limit=3&continue={Uri.EscapeDataString(next)}");
            names.AddRange(page.Array("items")!.Select(item => item.Text("metadata", "name")!));
            next = page.Text("metadata", "continue") ?? "";
        }
        while (next.Length > 0);

        Assert.Equal(["b0", "b1", "b2", "b3", "b4", "b5", "b6"], names);
        Assert.Equal(3, (await client.GetAsync(Backups + "?labelSelector=odd%3DTrue")).Body.Array("items")!.Count);
        Assert.Equal(4, (await client.GetAsync(Backups + "?labelSelector=odd%20notin%20(True)")).Body.Array("items")!.Count);
        Assert.Equal(3, (await client.GetAsync(Backups + "?fieldSelector=spec.repositoryRef.name%3Dfamily")).Body.Array("items")!.Count);
        Assert.Equal(HttpStatusCode.BadRequest, (await client.GetAsync(Backups + "?fieldSelector=spec.other%3Dfamily")).Code);
    }

    [Fact]
    public async Task A_continued_list_expires_when_its_revision_is_forgotten()
    {
        await using var client = await StartAsync();
        await client.PostAsync(Backups, Backup("a"));
        await client.PostAsync(Backups, Backup("b"));
        var (_, page) = await client.GetAsync(Backups + "?limit=1");
        await client.PostAsync(Backups, Backup("c"));
        client.Cluster.Compact();
        var (code, status) = await client.GetAsync($"{Backups}?limit=1&continue={Uri.EscapeDataString(page.Text("metadata", "continue")!)}");
        Assert.Equal(HttpStatusCode.Gone, code);
        Assert.Equal("Expired", status.Text("reason"));
    }

    [Fact]
    public async Task A_watch_replays_from_its_revision_and_follows_a_selector()
    {
        await using var client = await StartAsync();
        var (_, list) = await client.GetAsync(Backups);
        var from = list.Text("metadata", "resourceVersion");
        var body = Backup("a");
        body["metadata"]!["labels"] = new JsonObject { ["team"] = "x" };
        await client.PostAsync(Backups, body);
        await client.PostAsync(Backups, Backup("unseen"));
        var events = await client.WatchAsync($"{Backups}?watch=true&resourceVersion={from}&labelSelector=team%3Dx", seen => seen.Count == 3, async () =>
        {
            await client.MergeAsync(Backups + "/a", """{"spec":{"suspend":true}}""");
            await client.MergeAsync(Backups + "/a", """{"metadata":{"labels":{"team":"y"}}}""");
        });
        Assert.Equal(["ADDED", "MODIFIED", "DELETED"], events.Select(e => e.Text("type")));
        Assert.All(events, e => Assert.Equal("a", e.Text("object", "metadata", "name")));
    }

    [Fact]
    public async Task A_watch_from_a_forgotten_revision_gets_an_error_event()
    {
        await using var client = await StartAsync();
        await client.PostAsync(Backups, Backup("a"));
        client.Cluster.Compact();
        var events = await client.WatchAsync($"{Backups}?watch=true&resourceVersion=1", seen => seen.Count == 1);
        Assert.Equal("ERROR", events[0].Text("type"));
        Assert.Equal(410, events[0].Integer("object", "code"));
    }

    [Fact]
    public async Task A_quiet_watch_gets_bookmarks_and_ends_when_its_time_is_up()
    {
        await using var client = await StartAsync(new ClusterOptions { BookmarkInterval = TimeSpan.FromMilliseconds(100) });
        var (_, created) = await client.PostAsync(Backups, Backup("a"));
        await client.PostAsync("/api/v1/namespaces/default/configmaps", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "other" } });
        var events = await client.WatchAsync($"{Backups}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion={created.Text("metadata", "resourceVersion")}", _ => false);
        Assert.NotEmpty(events);
        Assert.All(events, e => Assert.Equal("BOOKMARK", e.Text("type")));
        Assert.True(long.Parse(events[^1].Text("object", "metadata", "resourceVersion")!, System.Globalization.CultureInfo.InvariantCulture) > created.Integer("metadata", "generation"));
    }

    [Fact]
    public async Task Tables_have_the_columns_of_the_definition()
    {
        await using var client = await StartAsync();
        await client.PostAsync(Backups, Backup("alice"));
        await client.MergeAsync(Backups + "/alice/status", """{"status":{"items":1200,"conditions":[{"type":"Ready","status":"True"}]}}""");
        var (_, table) = await client.GetAsync(Backups, "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
        Assert.Equal("Table", table.Text("kind"));
        Assert.Equal(["Name", "Ready", "Items", "Account", "Age"], table.Array("columnDefinitions")!.Select(column => column.Text("name")));
        var cells = table.Array("rows")![0].Array("cells")!;
        Assert.Equal("alice", cells[0].Text());
        Assert.Equal("True", cells[1].Text());
        Assert.Equal(1200, cells[2].Integer());
        Assert.Equal("PartialObjectMetadata", table.Array("rows")![0].Text("object", "kind"));
        Assert.Equal(["NAME", "READY", "ITEMS", "AGE"], client.Cluster.Table("photobackups.kloset.dev")[0]);
    }

    [Fact]
    public async Task Metadata_alone_is_served_without_the_data_of_secrets()
    {
        await using var client = await StartAsync();
        await client.PostAsync("/api/v1/namespaces/default/secrets", JsonNode.Parse("""{"metadata":{"name":"s"},"stringData":{"k":"hidden"}}""")!);
        var (_, list) = await client.GetAsync("/api/v1/secrets", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
        Assert.Equal("PartialObjectMetadataList", list.Text("kind"));
        Assert.Null(list.Array("items")![0].At("data"));
        var (_, secret) = await client.GetAsync("/api/v1/namespaces/default/secrets/s");
        Assert.Equal("aGlkZGVu", secret.Text("data", "k"));
        Assert.Null(secret.At("stringData"));
        var events = await client.WatchAsync("/api/v1/secrets?watch=1&resourceVersion=0", seen => seen.Count == 1);
        Assert.Equal("ADDED", events[0].Text("type"));
    }

    [Fact]
    public async Task Events_of_both_groups_are_the_same_objects()
    {
        await using var client = await StartAsync();
        await client.PostAsync("/apis/events.k8s.io/v1/namespaces/default/events", JsonNode.Parse("""
            {"metadata":{"name":"e"},"regarding":{"kind":"PhotoBackup","name":"alice"},"note":"done","reason":"Succeeded","type":"Normal","action":"Backup",
             "reportingController":"kloset","reportingInstance":"kloset-0","eventTime":"2026-11-23T10:00:00.000000Z"}
            """)!);
        var (_, core) = await client.GetAsync("/api/v1/namespaces/default/events/e");
        Assert.Equal("done", core.Text("message"));
        Assert.Equal("alice", core.Text("involvedObject", "name"));
        Assert.Single((await client.GetAsync("/api/v1/events?fieldSelector=involvedObject.name%3Dalice")).Body.Array("items")!);
        Assert.Equal("done", (await client.GetAsync("/apis/events.k8s.io/v1/namespaces/default/events/e")).Body.Text("note"));
    }

    [Fact]
    public async Task Deletion_waits_for_finalizers()
    {
        await using var client = await StartAsync();
        var body = Backup("alice");
        body["metadata"]!["finalizers"] = new JsonArray("kloset.dev/x");
        await client.PostAsync(Backups, body);
        var (_, deleted) = await client.SendAsync(HttpMethod.Delete, Backups + "/alice", null);
        Assert.NotNull(deleted.Text("metadata", "deletionTimestamp"));
        var (code, _) = await client.MergeAsync(Backups + "/alice", """{"metadata":{"finalizers":["kloset.dev/x","kloset.dev/y"]}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, code);
        await client.MergeAsync(Backups + "/alice", """{"metadata":{"finalizers":null}}""");
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(Backups + "/alice")).Code);
    }

    [Theory]
    [InlineData("Background", false)]
    [InlineData("Foreground", false)]
    [InlineData("Orphan", true)]
    public async Task Dependents_follow_their_owner_unless_orphaned(string policy, bool stays)
    {
        await using var client = await StartAsync();
        var (_, owner) = await client.PostAsync(Backups, Backup("alice"));
        await client.PostAsync("/api/v1/namespaces/default/configmaps", JsonNode.Parse($$$"""
            {"metadata":{"name":"child","ownerReferences":[{"apiVersion":"kloset.dev/v1alpha1","kind":"PhotoBackup","name":"alice","uid":"{{{owner.Text("metadata", "uid")}}}","controller":true,"blockOwnerDeletion":true}]}}
            """)!);
        await client.SendAsync(HttpMethod.Delete, $"{Backups}/alice?propagationPolicy={policy}", null);
        await client.UntilGoneAsync("photobackups.kloset.dev", "alice");
        if (stays)
        {
            var child = await client.UntilAsync("configmaps", "child", _ => true);
            Assert.Null(child.At("metadata", "ownerReferences"));
        }
        else
        {
            await client.UntilGoneAsync("configmaps", "child");
        }
    }

    [Fact]
    public async Task A_namespace_takes_its_objects_along()
    {
        await using var client = await StartAsync();
        await client.PostAsync("/api/v1/namespaces", JsonNode.Parse("""{"metadata":{"name":"photos"}}""")!);
        await client.PostAsync(Backups.Replace("default", "photos", StringComparison.Ordinal), Backup("alice"));
        await client.SendAsync(HttpMethod.Delete, "/api/v1/namespaces/photos", null);
        for (var i = 0; i < 200 && client.Cluster.Get("namespaces", "", "photos") is not null; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct);
        }

        Assert.Null(client.Cluster.Get("namespaces", "", "photos"));
        Assert.Empty(client.Cluster.List("photobackups.kloset.dev"));
    }

    [Fact]
    public async Task Server_side_apply_owns_what_it_names_and_conflicts_with_other_owners()
    {
        await using var client = await StartAsync();
        var applied = Backup("alice");
        applied["spec"]!["mode"] = "Fast";
        applied["spec"]!["tags"] = new JsonArray("a");
        Assert.Equal(HttpStatusCode.Created, (await client.ApplyAsync(Backups + "/alice", applied, "git")).Code);

        var other = (JsonObject)JsonNode.Parse("""{"apiVersion":"kloset.dev/v1alpha1","kind":"PhotoBackup","spec":{"mode":"Safe","tags":["b"]}}""")!;
        var (code, status) = await client.ApplyAsync(Backups + "/alice", other, "person");
        Assert.Equal(HttpStatusCode.Conflict, code);
        Assert.Equal(".spec.mode", status.Array("details", "causes")![0].Text("field"));

        var (_, forced) = await client.ApplyAsync(Backups + "/alice", other, "person", force: true);
        Assert.Equal("Safe", forced.Text("spec", "mode"));
        Assert.Equal(["a", "b"], forced.Array("spec", "tags")!.Select(tag => tag.Text()));

        // git lost the mode, so leaving it out takes nothing away; its tag goes.
        ((JsonObject)applied["spec"]!).Remove("mode");
        ((JsonObject)applied["spec"]!).Remove("tags");
        var (_, after) = await client.ApplyAsync(Backups + "/alice", applied, "git");
        Assert.Equal("Safe", after.Text("spec", "mode"));
        Assert.Equal(["b"], after.Array("spec", "tags")!.Select(tag => tag.Text()));

        // The last owner that drops a field removes it.
        var (_, dropped) = await client.ApplyAsync(Backups + "/alice", JsonNode.Parse("""{"apiVersion":"kloset.dev/v1alpha1","kind":"PhotoBackup","metadata":{"labels":{"x":"y"}}}""")!, "person");
        Assert.Null(dropped.At("spec", "mode"));
        Assert.Null(dropped.At("spec", "tags"));
        Assert.Equal("y", dropped.Text("metadata", "labels", "x"));
        Assert.Equal("alice", dropped.Text("spec", "account", "id"));
    }

    [Fact]
    public async Task Applied_status_keeps_the_conditions_of_other_managers()
    {
        await using var client = await StartAsync();
        await client.PostAsync(Backups, Backup("alice"));
        JsonNode Condition(string type) => JsonNode.Parse($$$"""
            {"apiVersion":"kloset.dev/v1alpha1","kind":"PhotoBackup","status":{"conditions":[{"type":"{{{type}}}","status":"True"}]}}
            """)!;
        await client.ApplyAsync(Backups + "/alice/status", Condition("Ready"), "one", force: true);
        var (_, both) = await client.ApplyAsync(Backups + "/alice/status", Condition("Protected"), "two", force: true);
        Assert.Equal(["Ready", "Protected"], both.Array("status", "conditions")!.Select(condition => condition.Text("type")));
        var (_, same) = await client.ApplyAsync(Backups + "/alice/status", Condition("Protected"), "two", force: true);
        Assert.Equal(both.Text("metadata", "resourceVersion"), same.Text("metadata", "resourceVersion"));
        var (_, one) = await client.ApplyAsync(Backups + "/alice/status", JsonNode.Parse("""{"apiVersion":"kloset.dev/v1alpha1","kind":"PhotoBackup","status":{"items":3}}""")!, "two", force: true);
        Assert.Equal(["Ready"], one.Array("status", "conditions")!.Select(condition => condition.Text("type")));
    }

    [Fact]
    public async Task Faults_strike_as_the_script_says()
    {
        await using var client = await StartAsync();
        var faults = client.Cluster.Faults;
        faults.Fail(request => request.Verb == "create", new RequestFault.Refuse(429, "TooManyRequests", RetryAfterSeconds: 1));
        Assert.Equal(HttpStatusCode.TooManyRequests, (await client.PostAsync(Backups, Backup("a"))).Code);

        faults.Fail(request => request.Verb == "create", new RequestFault.LoseResponse());
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.PostAsync(Backups, Backup("a")));
        Assert.NotNull(client.Cluster.Get("photobackups.kloset.dev", "default", "a"));

        faults.Fail(request => request.Verb == "create", new RequestFault.Cut());
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.PostAsync(Backups, Backup("b")));
        Assert.Null(client.Cluster.Get("photobackups.kloset.dev", "default", "b"));

        var (_, list) = await client.GetAsync(Backups);
        faults.OnWatch(delivery => delivery.Name switch { "c" => WatchFault.Drop, "d" => WatchFault.Duplicate, "e" => WatchFault.SwapWithNext, "g" => WatchFault.Expire, _ => null });
        var events = await client.WatchAsync($"{Backups}?watch=true&resourceVersion={list.Text("metadata", "resourceVersion")}", _ => false, async () =>
        {
            foreach (var name in new[] { "c", "d", "e", "f", "g" })
            {
                await client.PostAsync(Backups, Backup(name));
            }
        });
        Assert.Equal(["d", "d", "f", "e", null], events.Select(e => e.Text("object", "metadata", "name")));
        Assert.Equal("ERROR", events[^1].Text("type"));
    }

    [Fact]
    public async Task Ten_thousand_objects_are_no_burden()
    {
        await using var client = await StartAsync();
        var cluster = client.Cluster;
        for (var i = 0; i < 10_000; i++)
        {
            cluster.Apply(Backup($"b{i:d5}"));
        }

        var started = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 100; i++)
        {
            await client.MergeAsync($"{Backups}/b{i:d5}/status", "{\"status\":{\"items\":" + i + "}}");
        }

        // A hundred writes among ten thousand objects: a server that walked them all would need minutes.
        Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(10));
        Assert.Equal(10_000, (await client.GetAsync(Backups)).Body.Array("items")!.Count);
    }
}
