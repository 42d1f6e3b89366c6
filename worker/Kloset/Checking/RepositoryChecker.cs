using Kloset.Repositories;

namespace Kloset.Checking;

internal sealed class RepositoryChecker(Repository repository, CheckOptions options, IProgress<CheckProgress>? progress)
{
    public Task<CheckReport> RunAsync(CancellationToken cancellationToken) => throw new NotImplementedException($"{repository} {options} {progress} {cancellationToken}");
}
