using Kloset.Repositories;
using KlosetWorker.Access;
using KlosetWorker.Commands;
using KlosetWorker.Contract;

namespace KlosetWorker.Running;

/// <summary>Creates the repository, or adopts the one that is there.</summary>
internal sealed class CreateRun(RunContext context) : IRun
{
    public async Task<RunEnd> ExecuteAsync()
    {
        await using var store = context.OpenStore();
        await StoreFactory.RequireObjectLockAsync(store, context.Control.Abort);
        try
        {
            await OpenRepository.ReadConfigurationAsync(store, context.Control.Abort);
        }
        catch (RepositoryException missing) when (missing.Failure == RepositoryFailure.NoRepository && context.Order.Repository is { Create: true, RepositoryId: null })
        {
            using var passphrase = context.ReadPassphrase();
            if (passphrase is not null)
            {
                CreateCommand.RequireStrength(passphrase);
            }

            await using var made = await Repository.CreateAsync(store, new RepositoryCreation { Passphrase = passphrase?.Bytes }, context.Services, context.Control.Abort);
            return new(await context.DescribeAsync(store, made, Succeeded("Created")), ExitCode.Ok);
        }

        await using var open = await context.OpenAsync();
        return new(await context.DescribeAsync(open, Succeeded("Adopted")), ExitCode.Ok);
    }

    private RunResult Succeeded(string reason) => new() { RunId = context.Order.RunId, Outcome = RunOutcome.Succeeded, Reason = reason };
}
