using System.CommandLine;
using Kloset.Storage;
using KlosetWorker.Maintenance;

namespace KlosetWorker.Commands;

/// <summary>For whom somebody at a terminal forgets or maintains.</summary>
internal sealed class OwnerOptions
{
    private readonly Option<string?> _owner = new("--owner")
    {
        Description = "act for this owner, where a cluster owns the repository (kloset-operator/owner)",
        HelpName = "NAME",
    };

    private readonly Option<bool> _takeOver = new("--take-over") { Description = "become the owner (--owner, or this host), whoever was" };

    public void AddTo(Command command)
    {
        command.Add(_owner);
        command.Add(_takeOver);
    }

    public Task EnsureAsync(Shell.Invocation invocation, IStore store, bool dryRun, CancellationToken cancellationToken)
    {
        var takeOver = invocation.Value(_takeOver);
        var name = invocation.Value(_owner) ?? (takeOver ? invocation.Services.HostName : null);
        return dryRun ? Task.CompletedTask : Ownership.EnsureAsync(store, name, takeOver, invocation.Host.Time, cancellationToken);
    }
}
