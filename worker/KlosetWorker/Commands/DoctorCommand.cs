using System.CommandLine;
using KlosetWorker.Access;
using KlosetWorker.Contract;
using KlosetWorker.Diagnosis;
using KlosetWorker.Output;

namespace KlosetWorker.Commands;

internal static class DoctorCommand
{
    public static Command Build(Shell shell)
    {
        var source = new Option<string[]>("--source") { Description = "look at this source, too: takeout:PATH or folder:PATH", HelpName = "SOURCE" };
        var noWrite = new Option<bool>("--no-write") { Description = "do not try what only a write can show (one small object, removed again)" };
        var command = shell.Verb(
            "doctor",
            """
            Explains on one screen what is wrong with a repository, its storage, this machine or a source, and what to do about each
            thing. Exit code 0 when nothing stands in the way of a run, else that of the first thing that does.

            Examples:
              kloset doctor
              kloset doctor --source takeout:/data/drop --json
            """,
            async (invocation, cancellationToken) =>
            {
                var doctor = new Doctor(shell.Host, invocation.Services, invocation.CacheFolder);
                await doctor.ExamineAsync(
                    () => StoreFactory.Open(invocation.StoreSettings, shell.Host), () => invocation.FindPassphrase(confirm: false), !invocation.Value(noWrite), cancellationToken);
                foreach (var text in invocation.Value(source) ?? [])
                {
                    foreach (var finding in await SourceExamination.ExamineAsync(text, shell.Host.Time, cancellationToken))
                    {
                        doctor.Add(finding);
                    }
                }

                var wrong = doctor.Findings.FirstOrDefault(finding => finding.Verdict == Verdict.Wrong);
                if (invocation.Json)
                {
                    invocation.WriteJson(
                        new DoctorOutput(
                            wrong is null,
                            [.. doctor.Findings.Select(finding => new DoctorLineOutput(finding.Subject, finding.Verdict.ToString().ToLowerInvariant(), finding.Message, finding.Remedy))]),
                        json => json.DoctorOutput);
                }
                else
                {
                    Write(doctor.Findings, invocation.Output);
                }

                return (int)(wrong?.Error?.ExitCode ?? ExitCode.Ok);
            });
        command.Add(source);
        command.Add(noWrite);
        return command;
    }

    private static void Write(IReadOnlyList<Finding> findings, TextWriter output)
    {
        foreach (var finding in findings)
        {
            var mark = finding.Verdict switch { Verdict.Well => "ok  ", Verdict.Note => "note", Verdict.Warning => "WARN", Verdict.Wrong => "BAD ", _ => "-   " };
            output.WriteLine($"{mark}  {finding.Subject,-12} {Text.Printable(finding.Message)}");
            if (finding.Remedy is { } remedy)
            {
                output.WriteLine($"{"",6}{"",-12} -> {Text.Printable(remedy)}");
            }
        }

        var wrong = findings.Count(finding => finding.Verdict == Verdict.Wrong);
        var warnings = findings.Count(finding => finding.Verdict == Verdict.Warning);
        output.WriteLine();
        output.WriteLine(wrong > 0 ? $"{Text.Count(wrong, "thing")} must be mended before a run can work."
            : warnings > 0 ? $"It works; {Text.Count(warnings, "thing")} should be looked at." : "All is well.");
    }
}
