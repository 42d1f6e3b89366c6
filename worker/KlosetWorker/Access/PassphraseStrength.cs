namespace KlosetWorker.Access;

/// <summary>
/// A careful estimate of how many guesses a passphrase withstands. Words cost a guesser one pick from a list of 7,776; letters that
/// read like words count as such; runs (aaaa, 1234, abcd) count one bit a character; the rest counts by the alphabets that it uses.
/// </summary>
internal static class PassphraseStrength
{
    /// <summary>What a new repository wants.</summary>
    public const double RequiredBits = 80;

    private const double BitsPerWord = 12.9;
    private const double BitsPerWordLikeLetter = 2.6;

    public static double EstimateBits(string passphrase)
    {
        // Digits and signs spread through the text mean drawn characters; a letter run between them that looks like a word is chance.
        var mixed = Tokens(passphrase).Count(token => !char.IsLetter(token[0])) >= 2 && !passphrase.Any(char.IsWhiteSpace);
        var bits = 0.0;
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var token in Tokens(passphrase))
        {
            // A token that comes again adds next to nothing.
            bits += !seen.Add(token) ? 1 : mixed ? RandomBits(token, passphrase) : TokenBits(token, passphrase);
        }

        return bits;
    }

    private static double TokenBits(string token, string whole)
    {
        if (token.All(char.IsLetter))
        {
            return ReadsLikeWord(token)
                ? Math.Max(Math.Min(BitsPerWord, RandomBits(token, whole)), BitsPerWordLikeLetter * token.Length * (token.Length > 9 ? 1 : 0))
                : RandomBits(token, whole);
        }

        return RandomBits(token, whole);
    }

    /// <summary>Bits of characters drawn at random from the alphabets that the whole passphrase uses; continued runs count one bit.</summary>
    private static double RandomBits(string token, string whole)
    {
        var alphabet = (whole.Any(char.IsAsciiLetterLower) ? 26 : 0) + (whole.Any(char.IsAsciiLetterUpper) ? 26 : 0)
            + (whole.Any(char.IsAsciiDigit) ? 10 : 0) + (whole.Any(c => c < 128 && !char.IsLetterOrDigit(c)) ? 20 : 0) + (whole.Any(c => c >= 128) ? 100 : 0);
        var perCharacter = token.All(char.IsAsciiDigit) ? Math.Log2(10) : Math.Log2(Math.Max(2, alphabet));
        var bits = 0.0;
        for (var i = 0; i < token.Length; i++)
        {
            var step = i == 0 ? int.MaxValue : token[i] - token[i - 1];
            bits += step is 0 or 1 or -1 ? 1 : perCharacter;
        }

        return bits;
    }

    private static bool ReadsLikeWord(string letters)
    {
        if (letters.Length < 3 || letters.Skip(1).Any(char.IsUpper))
        {
            return letters.Length < 3 || letters.All(char.IsUpper) && ReadsLikeWord(letters.ToLowerInvariant());
        }

        var vowels = letters.Count(IsVowel);
        var consonantRun = 0;
        var longest = 0;
        foreach (var letter in letters)
        {
            consonantRun = IsVowel(letter) ? 0 : consonantRun + 1;
            longest = Math.Max(longest, consonantRun);
        }

        return vowels > 0 && longest <= 4 && vowels <= letters.Length * 0.8;
    }

    private static bool IsVowel(char letter) => "aeiouyäöüéèêáàíóúåæø".Contains(char.ToLowerInvariant(letter), StringComparison.Ordinal);

    /// <summary>Maximal runs of letters, and of everything else but blanks and separators.</summary>
    private static IEnumerable<string> Tokens(string passphrase)
    {
        // When words are set apart by separators they are judged one by one; otherwise the text is judged as drawn characters.
        var words = passphrase.Split([' ', '\t', '-', '_', '.', ',', ';', ':', '/', '+'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length >= 3)
        {
            return words;
        }

        var tokens = new List<string>();
        var start = 0;
        for (var i = 1; i <= passphrase.Length; i++)
        {
            if (i == passphrase.Length || char.IsLetter(passphrase[i]) != char.IsLetter(passphrase[i - 1]))
            {
                tokens.Add(passphrase[start..i]);
                start = i;
            }
        }

        return tokens;
    }
}
