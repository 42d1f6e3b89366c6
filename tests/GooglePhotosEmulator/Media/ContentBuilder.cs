namespace GooglePhotosEmulator.Media;

/// <summary>Bytes that arrive: small ones stay in memory, large ones go to a file of the emulator's own folder.</summary>
internal sealed class ContentBuilder(Func<string> newFile) : IDisposable
{
    private const int MemoryLimit = 16 * 1024 * 1024;

    private readonly MemoryStream _memory = new();
    private FileStream? _file;
    private string? _path;

    public long Length => _file?.Length ?? _memory.Length;

    /// <summary>Reads a request's body to its end. What came before a cut connection stays.</summary>
    public async Task AppendAsync(Stream source, CancellationToken ct)
    {
        var buffer = new byte[64 * 1024];
        for (int read; (read = await source.ReadAsync(buffer, ct)) > 0;)
        {
            if (_file is null && _memory.Length + read > MemoryLimit)
            {
                _path = newFile();
                _file = new FileStream(_path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read);
                _memory.WriteTo(_file);
                _memory.SetLength(0);
            }

            if (_file is null)
            {
                _memory.Write(buffer, 0, read);
            }
            else
            {
                await _file.WriteAsync(buffer.AsMemory(0, read), CancellationToken.None);
            }
        }
    }

    public void Truncate(long length)
    {
        if (_file is null)
        {
            _memory.SetLength(length);
            _memory.Position = length;
        }
        else
        {
            _file.SetLength(length);
            _file.Position = length;
        }
    }

    public Content ToContent()
    {
        if (_file is null)
        {
            return Content.Of(_memory.ToArray());
        }

        _file.Flush();
        return Content.OfFile(_path!);
    }

    public void Dispose()
    {
        _memory.Dispose();
        _file?.Dispose();
    }
}
