using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DevCluster.Json;
using DevCluster.Patching;
using DevCluster.Resources;
using DevCluster.Schemas;
using DevCluster.Storage;

namespace DevCluster.Api;

internal sealed record WriteOptions
{
    public string FieldManager { get; init; } = "unknown";

    public bool DryRun { get; init; }

    /// <summary>Strict, Warn or Ignore.</summary>
    public string FieldValidation { get; init; } = "Warn";

    public bool Force { get; init; }

    /// <summary>Filled with what a client should be told.</summary>
    public List<string> Warnings { get; } = [];
}

internal sealed record DeleteOptions
{
    public long? GracePeriodSeconds { get; init; }

    /// <summary>Background, Foreground or Orphan; null for the kind's default.</summary>
    public string? PropagationPolicy { get; init; }

    public string? ExpectedUid { get; init; }

    public string? ExpectedResourceVersion { get; init; }

    public bool DryRun { get; init; }
}

/// <summary>Create, update, patch and delete as the API server does them, apart from HTTP.</summary>
internal sealed partial class ResourceOperations(ObjectStore store, ResourceCatalog catalog, TimeProvider time)
{
    public const string ForegroundFinalizer = "foregroundDeletion";
    public const string OrphanFinalizer = "orphan";

    private const string GeneratedSuffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";

    public StoredObject Get(ResourceType type, string space, string name) =>
        store.Get(new ObjectKey(type.StorageName, space, name)) ?? throw ApiException.NotFound(type, name);

    public StoredObject Create(ResourceType type, string space, JsonObject body, WriteOptions options)
    {
        CheckKind(type, body);
        var obj = ToStored(type, body);
        var metadata = obj.Ensure("metadata");
        var errors = new List<FieldError>();
        if (metadata.Text("namespace") is { Length: > 0 } named && named != space)
        {
            throw ApiException.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }

        var generated = false;
        if (metadata.Text("name") is not { Length: > 0 } && metadata.Text("generateName") is { Length: > 0 } prefix)
        {
            generated = true;
            metadata["name"] = prefix + RandomNumberGenerator.GetString(GeneratedSuffixAlphabet, 5);
        }

        var name = metadata.Text("name") ?? "";
        if (metadata.Text("resourceVersion") is { Length: > 0 })
        {
            throw ApiException.BadRequest("resourceVersion should not be set on objects to be created");
        }

        CheckName(name, errors);
        if (type.Namespaced)
        {
            CheckNamespace(type, space, name);
            metadata["namespace"] = space;
        }

        foreach (var field in new[] { "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation" })
        {
            metadata.Remove(field);
        }

        metadata["uid"] = Guid.CreateVersion7(time.GetUtcNow()).ToString();
        metadata["creationTimestamp"] = time.GetUtcNow().ToApiTime();
        if (type.HasGeneration)
        {
            metadata["generation"] = 1;
        }

        if (type.HasStatus)
        {
            obj.Remove("status");
        }

        Shape(type, obj, options);
        if (!type.IsCustom)
        {
            BuiltInStrategies.PrepareForCreate(type, obj, errors);
        }

        IReadOnlyList<ResourceType>? defined = null;
        if (type.QualifiedName == CustomResources.ResourceName)
        {
            defined = catalog.Read(obj, errors);
            CustomResources.Establish(obj, time.GetUtcNow());
        }

        errors.AddRange(SchemaValidator.Validate(obj, null, type.Schema, ""));
        if (errors.Count > 0)
        {
            throw ApiException.Invalid(type, name, errors);
        }

        ManagedFields.RecordUpdate(null, obj, type.Schema, options.FieldManager, "", type.HasStatus, time.GetUtcNow());
        return Insert(type, space, obj, options, generated, defined);
    }

    public StoredObject Update(ResourceType type, string space, string name, string subresource, JsonObject body, WriteOptions options)
    {
        CheckKind(type, body);
        var live = Get(type, space, name);
        if (body.Text("metadata", "name") is { } given && given != name)
        {
            throw ApiException.BadRequest($"the name of the object ({given}) does not match the name on the URL ({name})");
        }

        if (body.Text("metadata", "resourceVersion") is { Length: > 0 } version && version != RevisionOf(live))
        {
            throw ApiException.Conflict(type, name);
        }

        return Replace(type, live, ToStored(type, body), subresource, options, null) ?? throw ApiException.Conflict(type, name);
    }

    /// <param name="change">Makes the new object from a copy of the live one; must not keep it.</param>
    public StoredObject Patch(
        ResourceType type, string space, string name, string subresource, Func<JsonObject, JsonObject> change, WriteOptions options)
    {
        for (var attempt = 0; ; attempt++)
        {
            var live = Get(type, space, name);
            var body = change(FromStored(type, live.ToNode()));
            CheckKind(type, body);
            if (body.Text("metadata", "name") != name)
            {
                throw ApiException.Invalid(type, name, [FieldError.Invalid("metadata.name", body.At("metadata", "name").Copy(), "field is immutable")]);
            }

            if (body.Text("metadata", "resourceVersion") is { Length: > 0 } version && version != RevisionOf(live))
            {
                throw ApiException.Conflict(type, name);
            }

            if (Replace(type, live, ToStored(type, body), subresource, options, null) is { } stored)
            {
                return stored;
            }

            if (attempt == 20)
            {
                throw ApiException.Conflict(type, name);
            }
        }
    }

    public (StoredObject Stored, bool Created) Apply(
        ResourceType type, string space, string name, string subresource, JsonObject configuration, WriteOptions options)
    {
        CheckKind(type, configuration);
        configuration.Ensure("metadata")["name"] = name;
        configuration = ToStored(type, configuration);
        for (var attempt = 0; ; attempt++)
        {
            var key = new ObjectKey(type.StorageName, space, name);
            if (store.Get(key) is not { } live)
            {
                if (subresource.Length > 0)
                {
                    throw ApiException.NotFound(type, name);
                }

                try
                {
                    return (CreateApplied(type, space, name, configuration, options), true);
                }
                catch (ApiException e) when (e.Code == 409 && attempt < 20 && store.Get(key) is not null)
                {
                    continue;
                }
            }

            if (configuration.Text("metadata", "resourceVersion") is { Length: > 0 } version && version != RevisionOf(live))
            {
                throw ApiException.Conflict(type, name);
            }

            if (configuration.Text("metadata", "uid") is { Length: > 0 } uid && uid != live.Uid)
            {
                throw ApiException.Conflict(type, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {live.Uid}");
            }

            var given = (JsonObject)configuration.DeepClone();
            given.Object("metadata")?.Remove("resourceVersion");
            PruneOnly(type, given, options);
            var merged = ManagedFields.Apply(
                live.ToNode(), given, type.Schema, options.FieldManager, options.Force, subresource, type.HasStatus, time.GetUtcNow());
            if (Replace(type, live, merged, subresource, options, merged) is { } stored)
            {
                return (stored, false);
            }

            if (attempt == 20)
            {
                throw ApiException.Conflict(type, name);
            }
        }
    }

    /// <returns>The object as it is now, and whether it is gone.</returns>
    public (StoredObject Stored, bool Gone) Delete(ResourceType type, string space, string name, DeleteOptions options)
    {
        while (true)
        {
            var live = Get(type, space, name);
            if (options.ExpectedUid is { } uid && uid != live.Uid)
            {
                throw ApiException.Conflict(type, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {live.Uid}");
            }

            if (options.ExpectedResourceVersion is { } version && version != RevisionOf(live))
            {
                throw ApiException.Conflict(type, name,
                    $"Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {RevisionOf(live)}");
            }

            if (options.DryRun)
            {
                return (live, true);
            }

            var obj = live.ToNode();
            var metadata = obj.Ensure("metadata");
            var grace = GraceOf(type, obj, options);
            var finalizers = (metadata.Array("finalizers") ?? []).Select(item => item.Text() ?? "").ToList();
            var policy = options.PropagationPolicy ?? (type.QualifiedName == "jobs.batch" ? "Orphan" : "Background");
            var before = finalizers.Count;
            finalizers.RemoveAll(item => options.PropagationPolicy is not null && item is ForegroundFinalizer or OrphanFinalizer
                && item != (policy == "Foreground" ? ForegroundFinalizer : policy == "Orphan" ? OrphanFinalizer : ""));
            if (policy == "Foreground" && !finalizers.Contains(ForegroundFinalizer))
            {
                finalizers.Add(ForegroundFinalizer);
            }
            else if (policy == "Orphan" && !finalizers.Contains(OrphanFinalizer) && store.DependentsOf(live.Uid).Count > 0)
            {
                finalizers.Add(OrphanFinalizer);
            }

            var keepsFinalizers = finalizers.Count == before;
            if (finalizers.Count > 0)
            {
                metadata["finalizers"] = JsonAccess.TextArray(finalizers);
            }
            else
            {
                metadata.Remove("finalizers");
            }

            var isNamespace = type.QualifiedName == "namespaces";
            if (finalizers.Count == 0 && grace == 0 && !isNamespace)
            {
                if (store.TryRemove(live.Key, live.Revision, obj) is { } removed)
                {
                    OnRemoved(type, obj);
                    return (removed, true);
                }

                continue;
            }

            if (live.Deleting && keepsFinalizers && (metadata.Integer("deletionGracePeriodSeconds") ?? 0) <= grace)
            {
                return (live, false);
            }

            metadata["deletionTimestamp"] = live.Deleting && metadata.Integer("deletionGracePeriodSeconds") is null or 0 && metadata.Text("deletionTimestamp") is { } since
                ? since
                : (time.GetUtcNow() + TimeSpan.FromSeconds(grace)).ToApiTime();
            metadata["deletionGracePeriodSeconds"] = grace;
            if (type.HasGeneration && !live.Deleting)
            {
                metadata["generation"] = (metadata.Integer("generation") ?? 0) + 1;
            }

            if (isNamespace)
            {
                obj.Ensure("status")["phase"] = "Terminating";
            }

            if (store.TryPut(live.Key, live.Revision, obj) is { } marked)
            {
                return (marked, false);
            }
        }
    }

    /// <summary>A change by the cluster itself, which no rule of the API restrains. Ends the object when the last finalizer of a deletion is gone.</summary>
    /// <returns>Null when the object is not there any more.</returns>
    public StoredObject? Mutate(ObjectKey key, Func<JsonObject, bool> change)
    {
        while (true)
        {
            if (store.Get(key) is not { } live)
            {
                return null;
            }

            var obj = live.ToNode();
            if (!change(obj))
            {
                return live;
            }

            if (Store(live, obj) is { } stored)
            {
                return stored;
            }
        }
    }

    /// <summary>The object in the form of the API version that is asked for.</summary>
    public static JsonObject FromStored(ResourceType type, JsonObject stored) => type.StoredAs is null ? stored : EventForms.ToEvents(stored);

    private static JsonObject ToStored(ResourceType type, JsonObject body) => type.StoredAs is null ? body : EventForms.ToCore(body);

    private static string RevisionOf(StoredObject stored) => stored.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static long GraceOf(ResourceType type, JsonObject obj, DeleteOptions options)
    {
        if (type.QualifiedName != "pods" || obj.Text("status", "phase") is "Succeeded" or "Failed" || obj.Text("spec", "nodeName") is null)
        {
            return 0;
        }

        return options.GracePeriodSeconds ?? obj.Integer("spec", "terminationGracePeriodSeconds") ?? 30;
    }

    private static void CheckKind(ResourceType type, JsonObject body)
    {
        if (body.Text("kind") is { } kind && kind != type.Kind)
        {
            throw ApiException.BadRequest($"{kind} in version \"{body.Text("apiVersion")}\" cannot be handled as a {type.Kind}");
        }

        if (body.Text("apiVersion") is { } version && version != type.GroupVersion)
        {
            throw ApiException.BadRequest($"the API version in the data ({version}) does not match the expected API version ({type.GroupVersion})");
        }

        body["apiVersion"] = type.GroupVersion;
        body["kind"] = type.Kind;
    }

    private static void CheckName(string name, List<FieldError> errors)
    {
        if (name.Length == 0)
        {
            errors.Add(FieldError.Required("metadata.name", "name or generateName is required"));
        }
        else if (name.Length > 253 || name.Contains('/', StringComparison.Ordinal) || name.Contains('%', StringComparison.Ordinal) || !NamePattern().IsMatch(name))
        {
            errors.Add(FieldError.Invalid("metadata.name", name,
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"));
        }
    }

    private void CheckNamespace(ResourceType type, string space, string name)
    {
        var found = store.Get(new ObjectKey("namespaces", "", space))
            ?? throw new ApiException(404, "NotFound", $"namespaces \"{space}\" not found", new JsonObject { ["name"] = space, ["kind"] = "namespaces" });
        if (found.Deleting)
        {
            throw new ApiException(403, "Forbidden",
                $"{type.QualifiedName} \"{name}\" is forbidden: unable to create new content in namespace {space} because it is being terminated",
                new JsonObject { ["name"] = name, ["kind"] = type.Plural, ["causes"] = new JsonArray(new JsonObject { ["reason"] = "NamespaceTerminating", ["message"] = $"namespace {space} is being terminated", ["field"] = "metadata.namespace" }) });
        }
    }

    private StoredObject CreateApplied(ResourceType type, string space, string name, JsonObject configuration, WriteOptions options)
    {
        var given = (JsonObject)configuration.DeepClone();
        if (given.Text("metadata", "resourceVersion") is { Length: > 0 } || given.Text("metadata", "uid") is { Length: > 0 })
        {
            throw ApiException.NotFound(type, name);
        }

        PruneOnly(type, given, options);
        var owned = ManagedFields.Apply(null, given, type.Schema, options.FieldManager, options.Force, "", type.HasStatus, time.GetUtcNow());
        var managed = owned.Array("metadata", "managedFields").Copy();
        given.Object("metadata")!.Remove("managedFields");
        return Create(type, space, given, options, managed);
    }

    private StoredObject Create(ResourceType type, string space, JsonObject body, WriteOptions options, JsonNode? managedFields)
    {
        var dry = Create(type, space, body, options with { DryRun = true });
        var obj = dry.ToNode();
        obj.Ensure("metadata")["managedFields"] = managedFields;
        obj.Object("metadata")!.Remove("resourceVersion");
        return Insert(type, space, obj, options, false, type.QualifiedName == CustomResources.ResourceName ? catalog.Read(obj, []) : null);
    }

    private StoredObject Insert(
        ResourceType type, string space, JsonObject obj, WriteOptions options, bool generated, IReadOnlyList<ResourceType>? defined)
    {
        var metadata = obj.Object("metadata")!;
        for (var attempt = 0; ; attempt++)
        {
            var name = metadata.Text("name")!;
            var key = new ObjectKey(type.StorageName, space, name);
            if (options.DryRun)
            {
                return store.Get(key) is null ? new StoredObject(key, 0, obj) : throw ApiException.AlreadyExists(type, name);
            }

            if (store.TryPut(key, 0, obj) is { } stored)
            {
                if (defined is not null)
                {
                    catalog.Replace(defined);
                }

                return stored;
            }

            if (!generated || attempt == 8)
            {
                throw ApiException.AlreadyExists(type, name);
            }

            metadata["name"] = metadata.Text("generateName") + RandomNumberGenerator.GetString(GeneratedSuffixAlphabet, 5);
        }
    }

    /// <summary>Judges and stores a new state. <paramref name="applied"/> is set when the managed fields are settled already.</summary>
    /// <returns>Null when the live object changed meanwhile.</returns>
    private StoredObject? Replace(ResourceType type, StoredObject live, JsonObject obj, string subresource, WriteOptions options, JsonObject? applied)
    {
        var old = live.ToNode();
        var name = live.Key.Name;
        var errors = new List<FieldError>();
        var managed = obj.Array("metadata", "managedFields").Copy();
        if (subresource == "status")
        {
            var status = obj.At("status").Copy();
            obj = (JsonObject)old.DeepClone();
            if (status is null)
            {
                obj.Remove("status");
            }
            else
            {
                obj["status"] = status;
            }

            if (applied is not null)
            {
                obj.Ensure("metadata")["managedFields"] = managed;
            }
        }
        else
        {
            var metadata = obj.Ensure("metadata");
            var before = old.Object("metadata")!;
            foreach (var field in new[] { "uid", "name", "namespace", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName", "selfLink" })
            {
                if (field == "uid" && metadata.Text("uid") is { Length: > 0 } uid && uid != live.Uid)
                {
                    throw ApiException.Conflict(type, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {live.Uid}");
                }

                metadata.Remove(field);
                if (before.At(field) is { } value)
                {
                    metadata[field] = value.Copy();
                }
            }

            if (type.HasStatus)
            {
                obj.Remove("status");
                if (old.At("status") is { } status)
                {
                    obj["status"] = status.Copy();
                }
            }

            if (live.Deleting)
            {
                var kept = (before.Array("finalizers") ?? []).Select(item => item.Text()).ToHashSet(StringComparer.Ordinal);
                var added = (metadata.Array("finalizers") ?? []).Select(item => item.Text() ?? "").Where(item => !kept.Contains(item)).ToArray();
                if (added.Length > 0)
                {
                    errors.Add(FieldError.Forbidden("metadata.finalizers", $"no new finalizers can be added if the object is being deleted, found new finalizers []string{{\"{string.Join("\", \"", added)}\"}}"));
                }
            }
        }

        obj.Object("metadata")!["resourceVersion"] = RevisionOf(live);
        Shape(type, obj, options);
        if (!type.IsCustom && subresource.Length == 0)
        {
            BuiltInStrategies.PrepareForUpdate(type, obj, old, errors);
        }

        if (type.HasGeneration && subresource.Length == 0 && DesiredStateChanged(obj, old))
        {
            obj.Object("metadata")!["generation"] = (old.Integer("metadata", "generation") ?? 0) + 1;
        }

        IReadOnlyList<ResourceType>? defined = null;
        if (type.QualifiedName == CustomResources.ResourceName && subresource.Length == 0)
        {
            defined = catalog.Read(obj, errors);
        }

        errors.AddRange(SchemaValidator.Validate(obj, old, type.Schema, ""));
        if (errors.Count > 0)
        {
            throw ApiException.Invalid(type, name, errors);
        }

        if (applied is null)
        {
            ManagedFields.RecordUpdate(old, obj, type.Schema, options.FieldManager, subresource, type.HasStatus, time.GetUtcNow());
        }

        if (options.DryRun)
        {
            return new StoredObject(live.Key, live.Revision, obj);
        }

        var stored = Store(live, obj);
        if (stored is not null && defined is not null)
        {
            catalog.Replace(defined);
        }

        return stored;
    }

    private StoredObject? Store(StoredObject live, JsonObject obj)
    {
        var metadata = obj.Object("metadata")!;
        var ended = live.Deleting && metadata.Array("finalizers") is not { Count: > 0 } && (metadata.Integer("deletionGracePeriodSeconds") ?? 0) == 0
            && live.Key.Resource != "namespaces";
        if (ended)
        {
            var removed = store.TryRemove(live.Key, live.Revision, obj);
            if (removed is not null && catalog.FindStorage(live.Key.Resource) is { } type)
            {
                OnRemoved(type, obj);
            }

            return removed;
        }

        metadata["resourceVersion"] = RevisionOf(live);
        return SameBytes(live, obj) ? live : store.TryPut(live.Key, live.Revision, obj);
    }

    private void OnRemoved(ResourceType type, JsonObject obj)
    {
        if (type.QualifiedName == CustomResources.ResourceName)
        {
            var group = obj.Text("spec", "group") ?? "";
            var plural = obj.Text("spec", "names", "plural") ?? "";
            foreach (var instance in store.List($"{plural}.{group}").Objects.ToArray())
            {
                store.TryRemove(instance.Key, instance.Revision, instance.ToNode());
            }

            catalog.Remove(group, plural);
        }
    }

    private static bool SameBytes(StoredObject live, JsonObject obj) => JsonAccess.Same(live.ToNode(), obj);

    private static bool DesiredStateChanged(JsonObject obj, JsonObject old)
    {
        static IEnumerable<string> Desired(JsonObject o) => o.Select(pair => pair.Key).Where(name => name is not ("metadata" or "status" or "apiVersion" or "kind"));
        return Desired(obj).Union(Desired(old)).Any(name => !JsonAccess.Same(obj.At(name), old.At(name)));
    }

    private static void Shape(ResourceType type, JsonObject obj, WriteOptions options)
    {
        PruneOnly(type, obj, options);
        if (type.IsCustom)
        {
            SchemaShaping.ApplyDefaults(obj, type.Schema);
        }
    }

    private static void PruneOnly(ResourceType type, JsonObject obj, WriteOptions options)
    {
        if (type.StoredAs is not null)
        {
            return;
        }

        var unknown = new List<string>();
        SchemaShaping.Prune(obj, type.Schema, "", true, unknown);
        if (unknown.Count == 0 || options.FieldValidation == "Ignore")
        {
            return;
        }

        if (options.FieldValidation == "Strict")
        {
            throw ApiException.BadRequest(
                $"{type.Kind} in version \"{type.Version}\" cannot be handled as a {type.Kind}: strict decoding error: "
                + string.Join(", ", unknown.Select(field => $"unknown field \"{field}\"")));
        }

        options.Warnings.AddRange(unknown.Select(field => $"unknown field \"{field}\"").Except(options.Warnings));
    }

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$")]
    private static partial Regex NamePattern();
}
