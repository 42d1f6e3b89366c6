using System.Buffers.Text;
using System.Globalization;
using System.Text;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Library;

/// <summary>How pages may surprise a client: the only sign of more is the token.</summary>
public sealed class PageShape
{
    /// <summary>Every n-th page is empty, with a token.</summary>
    public int? EmptyEvery { get; set; }

    /// <summary>Every n-th page has half of what fits.</summary>
    public int? ShortEvery { get; set; }

    private int _pages;

    internal int Limit(int pageSize)
    {
        if (EmptyEvery is null && ShortEvery is null)
        {
            return pageSize;
        }

        var number = Interlocked.Increment(ref _pages);
        return number % EmptyEvery == 0 ? 0 : number % ShortEvery == 0 ? Math.Max(1, pageSize / 2) : pageSize;
    }
}

/// <summary>Page tokens, good only with the parameters that they were given for.</summary>
internal sealed class Paging(TokenMint mint)
{
    public string Make(string parameters, long position)
    {
        var text = position.ToString(CultureInfo.InvariantCulture);
        return Base64Url.EncodeToString(Encoding.ASCII.GetBytes($"{text}.{mint.Seal($"page/{parameters}/{text}")}"));
    }

    /// <returns>Null when there is no token.</returns>
    public long? Read(string parameters, string? token, Func<Answer>? refused = null)
    {
        if (string.IsNullOrEmpty(token))
        {
            return null;
        }

        try
        {
            var parts = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(token)).Split('.', 2);
            if (parts.Length == 2 && mint.Seal($"page/{parameters}/{parts[0]}") == parts[1])
            {
                return long.Parse(parts[0], CultureInfo.InvariantCulture);
            }
        }
        catch (FormatException)
        {
            // refused below
        }

        throw new AnswerException(refused?.Invoke() ?? PhotosAnswers.InvalidArgument("Invalid page token."));
    }
}
