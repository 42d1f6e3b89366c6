using System.CommandLine;
using Kloset.Retention;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Commands;

/// <summary>A retention policy on the command line.</summary>
internal sealed class KeepOptions
{
    private readonly Option<int> _last = Count("--keep-last", "the newest ones");
    private readonly Option<int> _hourly = Count("--keep-hourly", "the newest of each of the last NUMBER hours that have any");
    private readonly Option<int> _daily = Count("--keep-daily", "the same, by days (UTC)");
    private readonly Option<int> _weekly = Count("--keep-weekly", "the same, by ISO weeks");
    private readonly Option<int> _monthly = Count("--keep-monthly", "the same, by months");
    private readonly Option<int> _yearly = Count("--keep-yearly", "the same, by years");
    private readonly Option<string?> _within = new("--keep-within")
    {
        Description = "all that are not older than this, counted from the newest one: 720h, 90d, 12w, 2y",
        HelpName = "PERIOD",
    };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _last, _hourly, _daily, _weekly, _monthly, _yearly, _within })
        {
            command.Add(option);
        }
    }

    /// <returns>Null when none is given.</returns>
    public RetentionPolicy? Read(Shell.Invocation invocation)
    {
        var policy = new RetentionPolicy
        {
            KeepLast = invocation.Value(_last),
            KeepHourly = invocation.Value(_hourly),
            KeepDaily = invocation.Value(_daily),
            KeepWeekly = invocation.Value(_weekly),
            KeepMonthly = invocation.Value(_monthly),
            KeepYearly = invocation.Value(_yearly),
            KeepWithin = invocation.Value(_within) is { Length: > 0 } text ? Period("--keep-within", text) : TimeSpan.Zero,
        };
        if (new[] { policy.KeepLast, policy.KeepHourly, policy.KeepDaily, policy.KeepWeekly, policy.KeepMonthly, policy.KeepYearly }.Any(count => count < 0))
        {
            throw new WorkerException(ErrorCatalogue.InvalidArguments, "A number of snapshots to keep cannot be negative.");
        }

        return policy.IsEmpty ? null : policy;
    }

    public static TimeSpan Period(string option, string text)
    {
        try
        {
            return RetentionPolicy.ParsePeriod(text);
        }
        catch (FormatException exception)
        {
            throw new WorkerException(ErrorCatalogue.InvalidArguments, $"{option}: {exception.Message}", exception);
        }
    }

    private static Option<int> Count(string name, string description) => new(name) { Description = description, HelpName = "NUMBER" };
}
