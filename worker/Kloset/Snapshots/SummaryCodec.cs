using Kloset.Msgpack;

namespace Kloset.Snapshots;

/// <summary>Summaries: zero fields are omitted, `below` and its `errors` never.</summary>
internal static class SummaryCodec
{
    private static readonly byte[][] Levels = FieldNames.Of("directory", "below");

    private static readonly byte[][] Counters = FieldNames.Of(
        "directories", "files", "symlinks", "devices", "pipes", "sockets", "children", "setuid", "setgid", "sticky", "objects", "chunks",
        "min_size", "max_size", "avg_size", "size", "min_mod_time", "max_mod_time", "min_entropy", "max_entropy", "sum_entropy", "avg_entropy",
        "hi_entropy", "lo_entropy", "MIME_audio", "MIME_video", "MIME_image", "MIME_text", "MIME_application", "MIME_other", "errors");

    private const int ErrorsField = 30;

    public static DirectorySummary Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgpackReader(bytes);
        var summary = Read(ref reader);
        reader.ExpectEnd();
        return summary;
    }

    public static DirectorySummary Read(ref MsgpackReader reader)
    {
        var directory = new SummaryCounters();
        var below = new SummaryCounters();
        var cursor = reader.BeginStruct(Levels);
        while (true)
        {
            switch (reader.NextField(ref cursor))
            {
                case -1:
                    return new DirectorySummary(directory, below);
                case 0:
                    directory = ReadCounters(ref reader);
                    break;
                case 1:
                    below = ReadCounters(ref reader);
                    break;
            }
        }
    }

    public static void Write(MsgpackWriter writer, DirectorySummary summary)
    {
        var directory = CountFields(summary.Directory, isBelow: false);
        writer.MapHeader(directory > 0 ? 2 : 1);
        if (directory > 0)
        {
            writer.Key("directory"u8);
            WriteCounters(writer, summary.Directory, directory, isBelow: false);
        }

        writer.Key("below"u8);
        WriteCounters(writer, summary.Below, CountFields(summary.Below, isBelow: true), isBelow: true);
    }

    private static SummaryCounters ReadCounters(ref MsgpackReader reader)
    {
        var counters = new SummaryCounters();
        var cursor = reader.BeginStruct(Counters);
        for (var field = reader.NextField(ref cursor); field >= 0; field = reader.NextField(ref cursor))
        {
            if (field is >= 18 and <= 21)
                SetReal(counters, field, reader.ReadDouble());
            else
                SetWhole(counters, field, reader.ReadUInt64());
        }

        return counters;
    }

    private static int CountFields(SummaryCounters counters, bool isBelow)
    {
        var count = 0;
        for (var field = 0; field < Counters.Length; field++)
        {
            if (IsWritten(counters, field, isBelow))
                count++;
        }

        return count;
    }

    private static void WriteCounters(MsgpackWriter writer, SummaryCounters counters, int count, bool isBelow)
    {
        writer.MapHeader(count);
        for (var field = 0; field < Counters.Length; field++)
        {
            if (!IsWritten(counters, field, isBelow))
                continue;
            writer.Key(Counters[field]);
            if (field is >= 18 and <= 21)
                writer.Double(GetReal(counters, field));
            else if (field is 16 or 17)
                writer.Int64(unchecked((long)GetWhole(counters, field)));
            else
                writer.UInt64(GetWhole(counters, field));
        }
    }

    private static bool IsWritten(SummaryCounters counters, int field, bool isBelow)
    {
        if (isBelow && field == ErrorsField)
            return true;
        if (isBelow && (field is 14 or 20 or 21))
            return false;
        return field is >= 18 and <= 21 ? GetReal(counters, field) != 0 : GetWhole(counters, field) != 0;
    }

    private static double GetReal(SummaryCounters c, int field) => field switch
    {
        18 => c.MinEntropy,
        19 => c.MaxEntropy,
        20 => c.SumEntropy,
        _ => c.AverageEntropy,
    };

    private static void SetReal(SummaryCounters c, int field, double value)
    {
        switch (field)
        {
            case 18:
                c.MinEntropy = value;
                break;
            case 19:
                c.MaxEntropy = value;
                break;
            case 20:
                c.SumEntropy = value;
                break;
            default:
                c.AverageEntropy = value;
                break;
        }
    }

    private static ulong GetWhole(SummaryCounters c, int field) => field switch
    {
        0 => c.Directories,
        1 => c.Files,
        2 => c.Symlinks,
        3 => c.Devices,
        4 => c.Pipes,
        5 => c.Sockets,
        6 => c.Children,
        7 => c.SetUserId,
        8 => c.SetGroupId,
        9 => c.Sticky,
        10 => c.Objects,
        11 => c.Chunks,
        12 => c.MinSize,
        13 => c.MaxSize,
        14 => c.AverageSize,
        15 => c.Size,
        16 => unchecked((ulong)c.MinModTime),
        17 => unchecked((ulong)c.MaxModTime),
        22 => c.HighEntropy,
        23 => c.LowEntropy,
        24 => c.MimeAudio,
        25 => c.MimeVideo,
        26 => c.MimeImage,
        27 => c.MimeText,
        28 => c.MimeApplication,
        29 => c.MimeOther,
        _ => c.Errors,
    };

    private static void SetWhole(SummaryCounters c, int field, ulong value)
    {
        switch (field)
        {
            case 0:
                c.Directories = value;
                break;
            case 1:
                c.Files = value;
                break;
            case 2:
                c.Symlinks = value;
                break;
            case 3:
                c.Devices = value;
                break;
            case 4:
                c.Pipes = value;
                break;
            case 5:
                c.Sockets = value;
                break;
            case 6:
                c.Children = value;
                break;
            case 7:
                c.SetUserId = value;
                break;
            case 8:
                c.SetGroupId = value;
                break;
            case 9:
                c.Sticky = value;
                break;
            case 10:
                c.Objects = value;
                break;
            case 11:
                c.Chunks = value;
                break;
            case 12:
                c.MinSize = value;
                break;
            case 13:
                c.MaxSize = value;
                break;
            case 14:
                c.AverageSize = value;
                break;
            case 15:
                c.Size = value;
                break;
            case 16:
                c.MinModTime = unchecked((long)value);
                break;
            case 17:
                c.MaxModTime = unchecked((long)value);
                break;
            case 22:
                c.HighEntropy = value;
                break;
            case 23:
                c.LowEntropy = value;
                break;
            case 24:
                c.MimeAudio = value;
                break;
            case 25:
                c.MimeVideo = value;
                break;
            case 26:
                c.MimeImage = value;
                break;
            case 27:
                c.MimeText = value;
                break;
            case 28:
                c.MimeApplication = value;
                break;
            case 29:
                c.MimeOther = value;
                break;
            default:
                c.Errors = value;
                break;
        }
    }
}
