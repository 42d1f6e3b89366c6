using System.Text.Json.Nodes;
using DevCluster.Api;
using DevCluster.Json;
using DevCluster.Resources;
using DevCluster.Storage;

namespace DevCluster.Controllers;

/// <summary>Owner references: what has no owner left goes; foreground and orphan deletions are carried through.</summary>
internal sealed class GarbageCollector(ObjectStore store, ResourceCatalog catalog, ResourceOperations operations) : IClusterController
{
    public void OnChange(Change change)
    {
        if (change.Kind == ChangeKind.Deleted)
        {
            foreach (var dependent in store.DependentsOf(change.Current.Uid))
            {
                Release(dependent);
            }

            foreach (var owner in change.Current.Owners.Select(store.GetByUid).OfType<StoredObject>().Where(owner => owner.Deleting))
            {
                Carry(owner);
            }

            return;
        }

        if (change.Current.Owners.Count > 0 && !change.Current.Deleting && change.Current.Owners.All(owner => store.GetByUid(owner) is null))
        {
            Release(change.Current);
        }

        if (change.Current.Deleting && store.Get(change.Current.Key) is { } current && current.Uid == change.Current.Uid)
        {
            Carry(current);
        }
    }

    /// <summary>Drops references to owners that are gone; without any owner left the object goes too.</summary>
    private void Release(StoredObject dependent)
    {
        if (store.Get(dependent.Key) is not { } current || current.Uid != dependent.Uid)
        {
            return;
        }

        if (current.Owners.Any(owner => store.GetByUid(owner) is not null))
        {
            operations.Mutate(current.Key, obj => Drop(obj, uid => store.GetByUid(uid) is null));
        }
        else
        {
            Delete(current, "Background");
        }
    }

    private void Carry(StoredObject owner)
    {
        var obj = owner.ToNode();
        var finalizers = (obj.Array("metadata", "finalizers") ?? []).Select(item => item.Text()).ToArray();
        if (finalizers.Contains(ResourceOperations.OrphanFinalizer))
        {
            foreach (var dependent in store.DependentsOf(owner.Uid))
            {
                operations.Mutate(dependent.Key, child => Drop(child, uid => uid == owner.Uid));
            }

            Finish(owner, ResourceOperations.OrphanFinalizer);
        }
        else if (finalizers.Contains(ResourceOperations.ForegroundFinalizer))
        {
            var blocked = false;
            foreach (var dependent in store.DependentsOf(owner.Uid))
            {
                var blocks = (dependent.ToNode().Array("metadata", "ownerReferences") ?? [])
                    .Any(reference => reference.Text("uid") == owner.Uid && reference.Flag("blockOwnerDeletion") == true);
                if (!dependent.Deleting)
                {
                    Delete(dependent, "Foreground");
                }

                blocked |= blocks && store.Get(dependent.Key)?.Uid == dependent.Uid;
            }

            if (!blocked)
            {
                Finish(owner, ResourceOperations.ForegroundFinalizer);
            }
        }
    }

    private void Finish(StoredObject owner, string finalizer) => operations.Mutate(owner.Key, obj =>
    {
        var list = obj.Array("metadata", "finalizers");
        var at = list?.ToList().FindIndex(item => item.Text() == finalizer) ?? -1;
        if (at < 0)
        {
            return false;
        }

        list!.RemoveAt(at);
        return true;
    });

    private void Delete(StoredObject stored, string policy)
    {
        if (catalog.FindStorage(stored.Key.Resource) is not { } type)
        {
            return;
        }

        try
        {
            operations.Delete(type, stored.Key.Namespace, stored.Key.Name, new DeleteOptions { PropagationPolicy = policy, ExpectedUid = stored.Uid });
        }
        catch (ApiException e) when (e.Code is 404 or 409)
        {
            // Somebody else was faster.
        }
    }

    private static bool Drop(JsonObject obj, Func<string, bool> gone)
    {
        var metadata = obj.Object("metadata")!;
        var references = metadata.Array("ownerReferences") ?? [];
        var kept = references.Where(reference => !gone(reference.Text("uid") ?? "")).Select(reference => reference.Copy()).ToArray();
        if (kept.Length == references.Count)
        {
            return false;
        }

        metadata.Remove("ownerReferences");
        if (kept.Length > 0)
        {
            metadata["ownerReferences"] = new JsonArray(kept);
        }

        return true;
    }
}
