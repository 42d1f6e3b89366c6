using GooglePhotos.Services;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Tests.GoogleAccounts;

public sealed class GoogleTranslationTests
{
    public static TheoryData<GoogleFailure> Failures => [.. Enum.GetValues<GoogleFailure>()];

    [Theory]
    [MemberData(nameof(Failures))]
    public void Every_way_in_which_Google_fails_has_one_entry_that_says_what_to_do(GoogleFailure failure)
    {
        var info = GoogleTranslation.OfFailure(failure, laterHelps: true);
        Assert.Same(info, ErrorCatalogue.Find(info.Code));
        Assert.NotEmpty(info.Remedy);
        Assert.NotNull(ExitCodes.Find((int)info.ExitCode));
    }

    [Theory]
    [InlineData(GoogleFailure.DayQuota, ExitCode.Paused)]
    [InlineData(GoogleFailure.DownloadQuota, ExitCode.Paused)]
    [InlineData(GoogleFailure.GrantRevoked, ExitCode.Authorisation)]
    [InlineData(GoogleFailure.ScopeMissing, ExitCode.Authorisation)]
    [InlineData(GoogleFailure.StorageFull, ExitCode.Full)]
    [InlineData(GoogleFailure.NotFound, ExitCode.Configuration)]
    [InlineData(GoogleFailure.Network, ExitCode.NoProgress)]
    public void What_happens_next_follows_from_the_failure(GoogleFailure failure, ExitCode expected) =>
        Assert.Equal(expected, GoogleTranslation.OfFailure(failure, laterHelps: true).ExitCode);
}
