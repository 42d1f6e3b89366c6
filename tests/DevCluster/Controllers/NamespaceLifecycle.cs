using DevCluster.Api;
using DevCluster.Resources;
using DevCluster.Storage;

namespace DevCluster.Controllers;

/// <summary>A namespace that is being deleted takes everything in it along.</summary>
internal sealed class NamespaceLifecycle(ObjectStore store, ResourceCatalog catalog, ResourceOperations operations) : IClusterController
{
    private readonly HashSet<string> _terminating = new(StringComparer.Ordinal);

    public void OnChange(Change change)
    {
        if (change.Current.Key.Resource == "namespaces")
        {
            if (change.Kind == ChangeKind.Deleted)
            {
                _terminating.Remove(change.Current.Key.Name);
            }
            else if (change.Current.Deleting && _terminating.Add(change.Current.Key.Name))
            {
                Empty(change.Current.Key.Name);
            }
        }
        else if (_terminating.Contains(change.Current.Key.Namespace))
        {
            Empty(change.Current.Key.Namespace);
        }
    }

    private void Empty(string space)
    {
        foreach (var stored in store.InNamespace(space).Where(stored => !stored.Deleting))
        {
            try
            {
                operations.Delete(catalog.FindStorage(stored.Key.Resource)!, space, stored.Key.Name, new DeleteOptions { PropagationPolicy = "Background" });
            }
            catch (ApiException e) when (e.Code is 404 or 409)
            {
                // Gone already.
            }
        }

        var key = new ObjectKey("namespaces", "", space);
        if (store.InNamespace(space).Count == 0 && store.Get(key) is { Deleting: true } found)
        {
            store.TryRemove(key, found.Revision, found.ToNode());
        }
    }
}
