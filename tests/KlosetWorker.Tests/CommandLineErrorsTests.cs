namespace KlosetWorker.Tests;

public sealed class CommandLineErrorsTests : IDisposable
{
    private readonly TestHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("launch")]
    [InlineData("backup")]
    [InlineData("backup", "folder:/nowhere/at/all", "-r", "fs:/tmp/x")]
    [InlineData("restore", "latest")]
    [InlineData("check", "--level", "deep")]
    [InlineData("snapshots")]
    [InlineData("snapshots", "-r", "ftp://host/x")]
    [InlineData("find", "--near", "here", "-r", "fs:/tmp/x")]
    public async Task What_cannot_be_used_is_told_with_exit_code_2(params string[] arguments)
    {
        var outcome = (await _host.RunAsync(arguments)).Exits(2);

        Assert.Contains("next: ", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("backup ")]
    [InlineData("inspect ", "takeout")]
    public async Task Without_a_verb_the_help_says_which_there_are(string verb, params string[] arguments)
    {
        var outcome = (await _host.RunAsync(arguments)).Exits(2);

        Assert.Contains(verb, outcome.Error, StringComparison.Ordinal);
        Assert.Contains("Commands:", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public async Task A_verb_that_is_none_is_named_beside_those_that_are() =>
        Assert.Contains("'launch' is none of the commands create, backup,", (await _host.RunAsync("launch")).Exits(2).Error, StringComparison.Ordinal);

    [Fact]
    public async Task An_error_is_JSON_when_JSON_was_asked_for()
    {
        var outcome = (await _host.RunAsync("snapshots", "--json")).Exits(2);

        Assert.StartsWith("""{"error":{"code":"InvalidArguments","exitCode":2,""", outcome.Output, StringComparison.Ordinal);
        Assert.StartsWith("""{"error":{"code":"InvalidArguments",""", (await _host.RunAsync("--json")).Exits(2).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_verb_has_help_with_an_example()
    {
        foreach (var verb in new[] { "create", "backup", "run", "snapshots", "ls", "cat", "find", "restore", "check", "info" })
        {
            var outcome = (await _host.RunAsync(verb, "--help")).Exits(0);

            Assert.Contains("Example", outcome.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_weak_passphrase_is_refused_with_advice()
    {
        _host.Set("KLOSET_PASSPHRASE", "hunter2");

        var outcome = (await _host.RunAsync("create", "-r", "fs:" + _host.Repository)).Exits(2);

        Assert.Contains("[WeakPassphrase]", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("base32", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", outcome.Error, StringComparison.Ordinal);
    }
}
