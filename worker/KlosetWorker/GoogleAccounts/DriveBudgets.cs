using GooglePhotos.Drive;
using GooglePhotos.Services;
using GooglePhotos.Takeout.Archives;
using Kloset.Repositories;

namespace KlosetWorker.GoogleAccounts;

/// <summary>Gives the Drive folders among the locations their share of the day's bytes, and takes back what they did not use.</summary>
internal sealed class DriveBudgets : IAsyncDisposable
{
    private readonly List<RequestBudget> _budgets = [];

    public DriveBudgets(IEnumerable<ITakeoutStorage> locations, SealedObjects objects, TimeProvider time)
    {
        foreach (var drive in locations.OfType<DriveTakeoutStorage>())
        {
            drive.Budget = new(
                "Google Drive", DriveTakeoutStorage.BytesPerDay / DriveTakeoutStorage.BudgetUnit, time, new QuotaLedger(objects, drive.Credential, QuotaLedger.DriveMebibytes), "MiB");
            _budgets.Add(drive.Budget);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var budget in _budgets)
        {
            await budget.DisposeAsync();
        }
    }
}
