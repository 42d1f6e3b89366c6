using System.Text;

namespace KlosetWorker.Tests;

/// <summary>A page of docs/evidence that several tests write a section of, each its own.</summary>
internal static class EvidencePage
{
    private static readonly SemaphoreSlim One = new(1);

    /// <param name="relative">In the checkout.</param>
    /// <param name="title">Of the page, when there is none yet.</param>
    public static async Task WriteAsync(string relative, string title, string heading, string text, CancellationToken cancellationToken)
    {
        await One.WaitAsync(cancellationToken);
        try
        {
            var path = Checkout.Path(relative);
            var page = File.Exists(path) ? await File.ReadAllTextAsync(path, cancellationToken) : $"# {title}\n";
            var start = page.IndexOf($"\n## {heading}\n", StringComparison.Ordinal);
            var end = start < 0 ? -1 : page.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
            var others = start < 0 ? page : page[..start] + (end < 0 ? "" : page[end..]);
            var section = new StringBuilder(others.TrimEnd()).Append("\n\n## ").Append(heading).Append("\n\n").Append(text.Trim()).Append('\n');
            await File.WriteAllTextAsync(path, section.ToString(), cancellationToken);
        }
        finally
        {
            One.Release();
        }
    }
}
