using System.Globalization;
using System.Text;
using KlosetWorker.Contract;

namespace Generate;

/// <summary>`docs/reference/exit-codes.md`: the worker's exit codes, what the operator does after them, and the catalogue of errors.</summary>
internal static class ExitCodePage
{
    public static string Build()
    {
        var page = new StringBuilder("<!-- Generated from the types by `make gen`. Do not edit. -->\n# Exit codes and errors\n\n");
        page.Append("## Exit codes of `kloset`\n\n| Code | Reason | Then the operator | Meaning | Remedy |\n| --- | --- | --- | --- | --- |\n");
        foreach (var row in ExitCodes.All)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {(int)row.Code} | `{row.Reason}` | {Then(row.Retry)} | {row.Meaning} | {row.Remedy} |\n");
        }

        page.Append("\nAnything else is a crash: the Job tries again up to three times, then the operator backs off.\n");
        page.Append("\n## Errors\n\n| Error | Code | Meaning | Remedy |\n| --- | --- | --- | --- |\n");
        foreach (var error in ErrorCatalogue.All.OrderBy(error => error.Code, StringComparer.Ordinal))
        {
            page.Append(CultureInfo.InvariantCulture, $"| `{error.Code}` | {(int)error.ExitCode} | {error.Meaning} | {error.Remedy} |\n");
        }

        return page.ToString();
    }

    private static string Then(RetryClass retry) => retry switch
    {
        RetryClass.None => "goes on by the schedule",
        RetryClass.Resume => "goes on when the run says so",
        RetryClass.BackOff => "tries again after 1 min to 6 h",
        RetryClass.NextSlot => "waits for the next slot",
        RetryClass.Terminal => "stalls until something changes",
        RetryClass.Approval => "waits for an approval",
        _ => throw new ArgumentOutOfRangeException(nameof(retry)),
    };
}
