namespace KlosetWorker.Contract.Tests;

public sealed class ExitCodesTests
{
    /// <summary>The codes are part of the API: Jobs in clusters name them in their failure policies.</summary>
    [Fact]
    public void The_table_is_the_published_one() => Assert.Equal(
        [
            "0 Succeeded None", "2 InvalidConfiguration Terminal", "3 Incomplete NextSlot", "4 Paused Resume", "5 Unauthorized Terminal",
            "6 TargetFull BackOff", "7 NoProgress BackOff", "8 WrongAccount Terminal", "10 RepositoryNotFound Terminal",
            "11 RepositoryLocked BackOff", "12 WrongPassphrase Terminal", "13 RepositoryReplaced Terminal", "14 RepositoryDamaged Terminal",
            "15 ApprovalNeeded Approval", "130 Cancelled None",
        ],
        ExitCodes.All.Select(row => $"{(int)row.Code} {row.Reason} {row.Retry}"));

    [Fact]
    public void Every_code_has_one_row() =>
        Assert.Equal(Enum.GetValues<ExitCode>().Order(), ExitCodes.All.Select(row => row.Code).Order());

    [Fact]
    public void A_crash_has_no_row()
    {
        Assert.Null(ExitCodes.Find(1));
        Assert.Null(ExitCodes.Find(134));
        Assert.Equal(ExitCode.Passphrase, ExitCodes.Find(12)!.Code);
    }

    [Fact]
    public void Every_error_says_what_happened_and_what_to_do()
    {
        Assert.Equal(ErrorCatalogue.All.Count, ErrorCatalogue.All.Select(error => error.Code).Distinct().Count());
        Assert.All(ErrorCatalogue.All, error =>
        {
            Assert.Matches("^[A-Z][A-Za-z]+$", error.Code);
            Assert.EndsWith(".", error.Meaning, StringComparison.Ordinal);
            Assert.NotEmpty(error.Remedy);
            Assert.Same(error, ErrorCatalogue.Find(error.Code));
            Assert.True(error.ExitCode == (ExitCode)1 || ExitCodes.Find((int)error.ExitCode) is not null);
        });
        Assert.Equal(
            new[] { typeof(ErrorCatalogue), typeof(GoogleErrorCatalogue) }.Sum(part => part.GetFields().Count(field => field.FieldType == typeof(ErrorInfo))),
            ErrorCatalogue.All.Count);
    }
}
