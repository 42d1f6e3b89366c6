using System.IO.Compression;
using System.Text;
using Kloset;
using Kloset.Snapshots;

namespace KlosetWorker.Exporting;

/// <summary>
/// A zip archive; Zip64 where it must be. Times are kept to two seconds, in UTC, as the format's own field does; names are UTF-8, and bytes that are
/// none are written as %XX.
/// </summary>
#pragma warning disable CA1001 // disposing the archive is what ends it, and one that failed must not look whole
internal sealed class ZipExport(Stream output) : IExportFormat
#pragma warning restore CA1001
{
    private const int FileType = 0x8000, DirectoryType = 0x4000, LinkType = 0xA000;

    private static readonly DateTimeOffset _earliest = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset _latest = new(2107, 12, 31, 23, 59, 58, TimeSpan.Zero);

    private readonly ZipArchive _archive = new(output, ZipArchiveMode.Create, leaveOpen: true, Encoding.UTF8);

    public async Task<string?> AddAsync(byte[] name, Entry entry, Stream? content, CancellationToken cancellationToken)
    {
        if (entry.Kind is not (EntryKind.File or EntryKind.Directory or EntryKind.Symlink))
        {
            return $"{entry.Path} is a {entry.Kind.ToString().ToLowerInvariant()}, which a zip cannot hold; left out.";
        }

        var (text, remark) = NameOf(name, entry);
        // Photos and films do not shrink; deflating at the quickest level costs little, and unlike storing it can be read from a pipe.
        var item = _archive.CreateEntry(entry.Kind == EntryKind.Directory ? text + "/" : text, CompressionLevel.Fastest);
        var time = entry.ModTime.ToDateTimeOffset().ToUniversalTime();
        item.LastWriteTime = time < _earliest ? _earliest : time > _latest ? _latest : time;
        var type = entry.Kind switch { EntryKind.Directory => DirectoryType, EntryKind.Symlink => LinkType, _ => FileType };
        item.ExternalAttributes = ((type | (int)(entry.Mode & GoFileMode.Permissions)) << 16) | (entry.Kind == EntryKind.Directory ? 0x10 : 0);
        if (entry.Kind == EntryKind.Directory)
        {
            return remark;
        }

        await using var body = await item.OpenAsync(cancellationToken);
        if (content is not null)
        {
            await content.CopyToAsync(body, cancellationToken);
        }
        else
        {
            await body.WriteAsync(LosslessText.Encode(entry.SymlinkTarget ?? ""), cancellationToken);
        }

        return remark;
    }

    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        await _archive.DisposeAsync();
        await output.FlushAsync(cancellationToken);
    }

    private static (string Name, string? Remark) NameOf(byte[] name, Entry entry)
    {
        if (System.Text.Unicode.Utf8.IsValid(name))
        {
            return (Encoding.UTF8.GetString(name), null);
        }

        var text = new StringBuilder();
        foreach (var c in LosslessText.Decode(name))
        {
            // The bytes that are not UTF-8 come as lone surrogates.
            text.Append(c is >= '\uDC80' and <= '\uDCFF' && (text.Length == 0 || !char.IsHighSurrogate(text[^1])) ? $"%{c - 0xDC00:X2}" : c.ToString());
        }

        return (text.ToString(), $"The name of {entry.Path} is not UTF-8; it is {text} in the archive.");
    }
}
