using System.Buffers;
using System.IO.Hashing;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using GooglePhotos.Takeout.Pairing;

namespace GooglePhotos.Takeout.Exports;

/// <summary>What the page that Google puts into each export says: every file of it, and who it is for.</summary>
public sealed class ExportIndex
{
    /// <summary>The account, when its heading holds an e-mail address.</summary>
    public string? AccountEmail { get; internal set; }

    public string? JobId { get; internal set; }

    /// <summary>Rows in all, sidecars too.</summary>
    public int Rows { get; internal set; }

    /// <summary>(folder name, file name) of each row, in NFC, whose file was not known yet when the page was read; the folder is the last segment only.</summary>
    public IEnumerable<(string Folder, string Name)> Files
    {
        get
        {
            // Kept as UTF-8 in one piece: hundreds of thousands of strings would be the largest thing that a reader holds.
            int at = 0;
            foreach ((int folder, int length) in _rows)
            {
                yield return (_folderNames[folder], Encoding.UTF8.GetString(_names.WrittenSpan.Slice(at, length)));
                at += length;
            }
        }
    }

    /// <summary>Files that Google could not export: gone from this export, not from the library.</summary>
    public IReadOnlyList<(string Folder, string Name)> Failed => FailedList;

    /// <summary>True when the page was longer than the limits; then it proves nothing.</summary>
    public bool Truncated { get; internal set; }

    private readonly List<(int Folder, ushort Length)> _rows = [];
    private readonly List<string> _folderNames = [];
    private readonly ArrayBufferWriter<byte> _names = new(1024);

    /// <summary>64 bits that stand for a file of a folder: a library has far fewer files than it takes for two to meet.</summary>
    internal static ulong KeyOf(string folder, string name) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(TakeoutNames.Nfc(folder) + "/" + TakeoutNames.Nfc(name)));

    internal void Count() => Rows++;

    internal void Add(string folder, string name)
    {
        if (_folderNames.Count == 0 || _folderNames[^1] != folder)
        {
            _folderNames.Add(folder);
        }

        _rows.Add((_folderNames.Count - 1, (ushort)Encoding.UTF8.GetBytes(name, _names)));
        Rows++;
    }

    internal List<(string, string)> FailedList { get; } = [];

    /// <summary>Whether a page was an export's index at all: it had the heading or at least one row.</summary>
    public bool IsIndex => Rows > 0 || JobId is not null || AccountEmail is not null;
}

/// <summary>
/// Reads <c>archive_browser.html</c> (its name is translated) as it streams by. Everything a person reads on it is translated, too, so
/// only its class names are looked at. It holds a script and tens of megabytes: it is scanned as text, never loaded as a page.
/// </summary>
/// <param name="known">Keys of files that are there: of their rows only the number matters.</param>
public sealed partial class ExportIndexParser(IReadOnlySet<ulong>? known = null)
{
    private const int MaxRows = 2_000_000;
    private const int MaxNameChars = 1_000;

    // Rows repeat one pattern; a tag with its text is never longer than this.
    private const int MaxPending = 64 << 10;

    private readonly Decoder _decoder = new UTF8Encoding(false).GetDecoder();
    private readonly StringBuilder _pending = new();
    private readonly Dictionary<string, string> _folders = new(StringComparer.Ordinal);
    private string _folder = "";
    private Field _field;
    private int _fieldDepth;
    private readonly StringBuilder _text = new();
    private (string Folder, string Name)? _last;
    private bool _inScript;

    public ExportIndex Index { get; } = new();

    private enum Field
    {
        None,
        Header,
        Job,
        Folder,
        File,
        Failure,
    }

    public void Feed(ReadOnlySpan<byte> bytes)
    {
        char[] chars = new char[Math.Min(bytes.Length, 16 << 10) + 4];
        while (!bytes.IsEmpty)
        {
            int take = Math.Min(bytes.Length, 16 << 10);
            int count = _decoder.GetChars(bytes[..take], chars, flush: false);
            bytes = bytes[take..];
            _pending.Append(chars, 0, count);
            Scan();
        }
    }

    private void Scan()
    {
        string text = _pending.ToString();
        int at = 0;
        while (at < text.Length)
        {
            int open = text.IndexOf('<', at);
            if (open < 0)
            {
                Text(text.AsSpan(at));
                at = text.Length;
                break;
            }

            int close = text.IndexOf('>', open);
            if (close < 0)
            {
                Text(text.AsSpan(at, open - at));
                // What is too long for a tag is none; the last "<" may still begin one.
                int last = text.LastIndexOf('<');
                at = text.Length - open <= MaxPending ? open : last > open ? last : text.Length;
                break;
            }

            Text(text.AsSpan(at, open - at));
            Tag(text.AsSpan(open + 1, close - open - 1));
            at = close + 1;
        }

        _pending.Clear().Append(text, at, text.Length - at);
    }

    private void Text(ReadOnlySpan<char> text)
    {
        if (_field != Field.None && !_inScript && _text.Length < MaxNameChars * 4)
        {
            _text.Append(text[..Math.Min(text.Length, (MaxNameChars * 4) - _text.Length)]);
        }
    }

    private void Tag(ReadOnlySpan<char> tag)
    {
        if (_inScript)
        {
            _inScript = !tag.StartsWith("/script", StringComparison.OrdinalIgnoreCase);
            return;
        }

        if (tag.StartsWith("script", StringComparison.OrdinalIgnoreCase) && !tag.EndsWith("/"))
        {
            _inScript = true;
            return;
        }

        if (tag.StartsWith("/"))
        {
            if (_field != Field.None && --_fieldDepth == 0)
            {
                End();
            }

            return;
        }

        bool empty = tag.EndsWith("/") || tag.StartsWith("br", StringComparison.OrdinalIgnoreCase) || tag.StartsWith("img", StringComparison.OrdinalIgnoreCase)
            || tag.StartsWith("!", StringComparison.Ordinal) || tag.StartsWith("meta", StringComparison.OrdinalIgnoreCase) || tag.StartsWith("link", StringComparison.OrdinalIgnoreCase);
        if (empty)
        {
            return;
        }

        if (_field != Field.None)
        {
            // The heading of an unclosed row must not swallow the rest of the page.
            if (++_fieldDepth > 16)
            {
                _field = Field.None;
            }

            return;
        }

        _field = Class(tag) switch
        {
            var c when Has(c, "extracted-file-name") => Field.File,
            var c when Has(c, "failure-message") => Field.Failure,
            var c when Has(c, "extracted-folder-name") => Field.Folder,
            var c when Has(c, "header_title") => Field.Header,
            var c when Has(c, "job-id") => Field.Job,
            _ => Field.None,
        };
        _fieldDepth = 1;
        _text.Clear();
    }

    private void End()
    {
        Field field = _field;
        _field = Field.None;
        string text = WebUtility.HtmlDecode(_text.ToString()).Trim();
        if (text.Length > MaxNameChars)
        {
            Index.Truncated = true;
            return;
        }

        switch (field)
        {
            case Field.Header:
                Index.AccountEmail ??= Email().Match(text) is { Success: true } match ? match.Value : null;
                break;
            case Field.Job:
                Index.JobId ??= text.Length is > 0 and <= 100 ? text : null;
                break;
            case Field.Folder:
                text = TakeoutNames.Nfc(text);
                if (!_folders.TryGetValue(text, out string? pooled))
                {
                    _folders[text] = pooled = text;
                }

                _folder = pooled;
                break;
            case Field.File when text.Length > 0:
                if (Index.Rows >= MaxRows)
                {
                    Index.Truncated = true;
                    break;
                }

                _last = (_folder, TakeoutNames.Nfc(text));
                if (known?.Contains(ExportIndex.KeyOf(_last.Value.Folder, _last.Value.Name)) == true)
                {
                    Index.Count();
                }
                else
                {
                    Index.Add(_last.Value.Folder, _last.Value.Name);
                }

                break;
            case Field.Failure when text.Length > 0 && _last is { } failed:
                Index.FailedList.Add(failed);
                break;
        }
    }

    private static ReadOnlySpan<char> Class(ReadOnlySpan<char> tag)
    {
        int at = tag.IndexOf("class=", StringComparison.OrdinalIgnoreCase);
        if (at < 0 || at + 7 >= tag.Length)
        {
            return [];
        }

        char quote = tag[at + 6];
        ReadOnlySpan<char> value = tag[(at + (quote is '"' or '\'' ? 7 : 6))..];
        int end = quote is '"' or '\'' ? value.IndexOf(quote) : value.IndexOf(' ');
        return end < 0 ? value : value[..end];
    }

    private static bool Has(ReadOnlySpan<char> classes, string wanted)
    {
        foreach (Range range in classes.Split(' '))
        {
            if (classes[range].SequenceEqual(wanted))
            {
                return true;
            }
        }

        return false;
    }

    [GeneratedRegex(@"[\p{L}\p{N}._%+'-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}", RegexOptions.CultureInvariant)]
    private static partial Regex Email();
}
