using System.Text.RegularExpressions;
using Charts.Tests.Helm;

namespace Charts.Tests.Docs;

/// <summary>Every block of commands in the docs is run by a shell, against a real API server that stores nothing of it.</summary>
public sealed partial class CommandTests(ServerFixture server)
{
    /// <summary>
    /// Goes before the real programs: writes become trials, waits end at once, and what would need nodes, images or a store is only looked at.
    /// Objects of the operator itself may be absent, as nothing runs on this server.
    /// </summary>
    private const string Wrapper = """
        #!/usr/bin/env bash
        set -euo pipefail
        program=$(basename "$0")
        case $program in
          kubectl)
            arguments=() verb='' skip=
            for argument in "$@"; do
              if [ -n "$skip" ]; then skip=; elif [ "$argument" = -n ] || [ "$argument" = --namespace ]; then skip=1
              elif [ -z "$verb" ] && [[ $argument != -* ]]; then verb=$argument; fi
              case $argument in --watch | -w) ;; *) arguments+=("$argument") ;; esac
            done
            case $verb in
              create | apply | annotate | label | patch | delete | replace) arguments+=(--dry-run=server) ;;
              logs) arguments+=(--pod-running-timeout=1s); echo 'a line with an error' ;;
            esac
            if "$REAL_KUBECTL" --kubeconfig "$SERVER" "${arguments[@]}" 2>"$HOME/error"; then exit 0; fi
            cat "$HOME/error" >&2
            case "$verb $*" in
              create*) grep -q AlreadyExists "$HOME/error" ;;
              auth*can-i*) [ ! -s "$HOME/error" ] ;;
              logs* | rollout* | *kloset-system*) grep -qiE 'not ?found|no resources|timed out' "$HOME/error" ;;
              *) exit 1 ;;
            esac ;;
          helm)
            verb=$1; shift
            [ "${1-}" != --install ] || shift
            case $verb in
              install | upgrade) "$REAL_HELM" template --kube-version 1.36.0 "$@" >/dev/null ;;
              test | uninstall) [ "$1" = kloset-operator ] ;;
              *) exit 1 ;;
            esac ;;
          make) grep -q "^$1:" "$ROOT/Makefile" ;;
          kloset)
            printf '%s\t' "$@" >>"$CALLS"; echo >>"$CALLS"
            [ "${1-}" != login ] || printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: drive, namespace: photos}\n' ;;
        esac
        """;

    /// <summary>Programs of others that a reader has, or machines that a test has not.</summary>
    private static readonly string[] Wrapped = ["kubectl", "helm", "make", "kloset", "docker", "plakar", "rclone", "dotnet", "sops", "ssh"];

    public static TheoryData<string> PagesWithCommands() =>
        new(DocsTests.Pages().Select(row => row.Data).Where(page => !page.StartsWith("CONTRIBUTING", StringComparison.Ordinal) && Blocks(page).Any()));

    [Theory]
    [MemberData(nameof(PagesWithCommands))]
    public async Task The_commands_of_a_page_can_be_run_as_they_stand(string page)
    {
        var blocks = Blocks(page).Select(Named).ToList();
        Assert.SkipWhen(blocks.Any(block => block.Contains("jq ", StringComparison.Ordinal)) && Command.Find("jq") is null, "jq is not on PATH");
        var kubeconfig = await server.KubeconfigAsync();
        var helm = await HelmTool.PathAsync();
        var folder = Directory.CreateTempSubdirectory("docs-commands-");
        try
        {
            var calls = await PrepareAsync(folder.FullName, page);
            foreach (var block in blocks)
            {
                var environment = new Dictionary<string, string>
                {
                    ["PATH"] = Path.Combine(folder.FullName, "bin") + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH"),
                    ["HOME"] = folder.FullName,
                    ["SERVER"] = kubeconfig,
                    ["REAL_KUBECTL"] = Command.Kubectl(),
                    ["REAL_HELM"] = helm,
                    ["ROOT"] = House.Root,
                    ["CALLS"] = calls,
                };
                var result = await Command.RunAsync("bash", ["-euo", "pipefail", "-c", block], null, folder.FullName, environment);
                Assert.True(result.ExitCode == 0, $"{page}:\n{block}\n{result.Output}\n{result.Error}");
            }

            var reference = Options();
            Assert.All(await File.ReadAllLinesAsync(calls, TestContext.Current.CancellationToken), call => Understood(call.Split('\t', StringSplitOptions.RemoveEmptyEntries), reference, page));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Every_option_of_kloset_within_a_sentence_is_one()
    {
        var reference = Options();
        foreach (var page in DocsTests.Pages().Select(row => row.Data))
        {
            Assert.All(Inline().Matches(House.Read(page)).Select(match => match.Groups[1].Value), call => Understood(call.Split(' '), reference, page));
        }
    }

    private static void Understood(string[] call, Dictionary<string, HashSet<string>> reference, string page)
    {
        // The options of every verb may also come before it.
        var words = call.SkipWhile(word => !reference.ContainsKey(word)).ToArray();
        var verb = new[] { 2, 1 }.Select(count => string.Join(' ', words.Take(count))).FirstOrDefault(reference.ContainsKey);
        var known = reference[""].Concat(verb is null ? [] : reference[verb]);
        Assert.All(
            call.Where(word => word.StartsWith("--", StringComparison.Ordinal)).Select(option => option.Split('=')[0]),
            option => Assert.True(known.Contains(option), $"{page}: `kloset {string.Join(' ', call)}`: there is no {option}"));
    }

    /// <summary>Options by verb; those of every verb below the empty one.</summary>
    private static Dictionary<string, HashSet<string>> Options() =>
        Section().Matches(House.Read("docs", "reference", "commands.md")).ToDictionary(
            match => match.Groups["verb"].Value,
            match => Option().Matches(match.Groups["text"].Value).Select(option => option.Value).ToHashSet());

    private static async Task<string> PrepareAsync(string folder, string page)
    {
        var bin = Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName;
        foreach (var program in Wrapped)
        {
            var path = Path.Combine(bin, program);
            await File.WriteAllTextAsync(path, Wrapper);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }

        foreach (var name in new[] { "charts", "config", "docs" })
        {
            File.CreateSymbolicLink(Path.Combine(folder, name), Path.Combine(House.Root, name));
        }

        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(Path.Combine(House.Root, page))!, "*.lua"))
        {
            File.CreateSymbolicLink(Path.Combine(folder, Path.GetFileName(file)), file);
        }

        // What the reader has written down or saved before coming to the block.
        await File.WriteAllTextAsync(Path.Combine(folder, "passphrase"), "correct horse battery staple");
        await File.WriteAllTextAsync(Path.Combine(folder, "photos.yaml"), DocsTests.Resources(page).FirstOrDefault() ?? "");
        var calls = Path.Combine(folder, "calls");
        await File.WriteAllTextAsync(calls, "");
        return calls;
    }

    private static IEnumerable<string> Blocks(string page) =>
        Fenced().Matches(House.Read(page)).Select(match => match.Groups[1].Value)
            .Concat(Indented().Matches(Fence().Replace(House.Read(page), "")).Select(match => match.Value));

    /// <summary>Runbooks say NAME and NAMESPACE where the alert has the label; of restores, which cannot be applied twice, the server has one.</summary>
    private static string Named(string block) =>
        Placeholder().Replace(
            block.Replace("klosetrepository NAME", "klosetrepository family", StringComparison.Ordinal)
                .Replace("photobackup carol", "photobackup alice", StringComparison.Ordinal)
                .Replace("photorestore carol-everything", "photorestore look", StringComparison.Ordinal)
                .Replace("photorestore iceland", "photorestore look", StringComparison.Ordinal)
                .Replace("job NAME", "job name", StringComparison.Ordinal)
                .Replace("job/NAME", "job/name", StringComparison.Ordinal),
            match => match.Value == "NAMESPACE" ? "photos" : "alice");

    [GeneratedRegex(@"^```sh\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fenced();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"(?<=\n\n)(?: {4}(?:kubectl|kloset|helm|make|export) .*\n(?: {4}.*\n|\n(?= {4}))*)")]
    private static partial Regex Indented();

    [GeneratedRegex(@"\bNAME(SPACE)?\b")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"`kloset ([^`\n…]*--[^`\n…]*)`")]
    private static partial Regex Inline();

    [GeneratedRegex(@"^## (?:`kloset (?<verb>[^`]+)`|Options of every verb)\n(?<text>.*?)(?=^## |\z)", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Section();

    [GeneratedRegex("(?<=`)--[a-z0-9-]+(?=`)")]
    private static partial Regex Option();
}
