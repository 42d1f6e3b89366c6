using System.Text;
using System.Text.Json;
using Kloset.Repositories;
using Kloset.Storage;

namespace Kloset.Tests.Golden;

/// <summary>A private copy of a repository that the real plakar wrote, with what plakar says of it.</summary>
internal sealed class Fixture : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kloset-fixture-").FullName;

    private Fixture(string name)
    {
        var source = Path.Combine(AppContext.BaseDirectory, "fixtures", "kloset", name);
        Root = Path.Combine(_folder, "repo");
        CopyTree(Path.Combine(source, "repo"), Root);
        // Version control does not keep empty directories.
        foreach (var kind in (string[])["packfiles", "states"])
        {
            for (var bucket = 0; bucket < 256; bucket++)
                Directory.CreateDirectory(Path.Combine(Root, kind, $"{bucket:x2}"));
        }

        Directory.CreateDirectory(Path.Combine(Root, "locks"));
        Expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(source, "expected.json"))).RootElement;
        Internals = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(source, "internals.json"))).RootElement;
        Source = source;
        Store = new FileSystemStore(Root);
    }

    public static TheoryData<string> Names => ["plain", "encrypted", "deleted", "maintained"];

    public string Source { get; }

    public string Root { get; }

    public JsonElement Expected { get; }

    public JsonElement Internals { get; }

    public FileSystemStore Store { get; }

    public string? PassphraseText => Expected.GetProperty("passphrase").GetString();

    public ReadOnlyMemory<byte>? Passphrase => PassphraseText is { } text ? Encoding.UTF8.GetBytes(text) : null;

    public static Fixture Open(string name) => new(name);

    public Task<Repository> OpenRepositoryAsync(EngineServices? services = null) =>
        Repository.OpenAsync(Store, Passphrase, services ?? EngineServices.System, TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    public static void CopyTree(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, directory)));
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));
    }
}
