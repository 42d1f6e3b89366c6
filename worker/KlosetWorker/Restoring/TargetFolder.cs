using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Restoring;

/// <summary>The folder that is restored into. Nothing is written outside of it, and never through a symbolic link that lies in it.</summary>
internal sealed class TargetFolder
{
    private readonly ConcurrentDictionary<string, bool> _made = new(StringComparer.Ordinal);

    public TargetFolder(string root)
    {
        Root = Path.GetFullPath(root);
        try
        {
            Directory.CreateDirectory(Root);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WorkerException(ErrorCatalogue.TargetUnusable, $"{Root} cannot be made: {exception.Message}", exception);
        }
    }

    public string Root { get; }

    /// <summary>The place of a path below the root, of names as the snapshot has them.</summary>
    public string Place(ReadOnlySpan<byte> relative)
    {
        var names = Encoding.Latin1.GetString(relative).Split('/', StringSplitOptions.RemoveEmptyEntries);
        return names.Length == 0 ? Root : Root + "/" + string.Join('/', names.Select(name => Name(Encoding.Latin1.GetBytes(name))));
    }

    /// <summary>Makes the folder of a file, name by name, and refuses to pass a link.</summary>
    public void MakeFolder(string folder)
    {
        if (_made.ContainsKey(folder) || folder.Length <= Root.Length)
        {
            return;
        }

        MakeFolder(Path.GetDirectoryName(folder)!);
        var info = new DirectoryInfo(folder);
        if (info.LinkTarget is not null)
        {
            throw new IOException($"{folder} is a symbolic link, and nothing is restored through links");
        }

        info.Create();
        _made[folder] = true;
    }

    /// <summary>Names that are not UTF-8 cannot be given to .NET; their odd bytes become %XX.</summary>
    private static string Name(byte[] name)
    {
        if (System.Text.Unicode.Utf8.IsValid(name))
        {
            return Encoding.UTF8.GetString(name);
        }

        var builder = new StringBuilder();
        ReadOnlySpan<byte> rest = name;
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(rest, out var rune, out var used) == System.Buffers.OperationStatus.Done)
            {
                builder.Append(rune.ToString());
                rest = rest[used..];
            }
            else
            {
                builder.Append(CultureInfo.InvariantCulture, $"%{rest[0]:X2}");
                rest = rest[1..];
            }
        }

        return builder.ToString();
    }
}
