using System.Text.Json.Nodes;
using DevCluster.Api;
using DevCluster.Json;
using DevCluster.Storage;

namespace DevCluster.Controllers;

/// <summary>Claims are folders: every claim is bound at once.</summary>
internal sealed class ClaimBinder(ResourceOperations operations) : IClusterController
{
    public void OnChange(Change change)
    {
        if (change.Current.Key.Resource != "persistentvolumeclaims" || change.Kind == ChangeKind.Deleted)
        {
            return;
        }

        operations.Mutate(change.Current.Key, claim =>
        {
            if (claim.Text("status", "phase") == "Bound")
            {
                return false;
            }

            claim.Ensure("spec")["volumeName"] = "pvc-" + claim.Text("metadata", "uid");
            claim["status"] = new JsonObject
            {
                ["phase"] = "Bound",
                ["accessModes"] = claim.At("spec", "accessModes").Copy(),
                ["capacity"] = new JsonObject { ["storage"] = claim.At("spec", "resources", "requests", "storage").Copy() },
            };
            return true;
        });
    }
}
