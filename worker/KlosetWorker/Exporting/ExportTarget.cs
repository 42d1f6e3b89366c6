using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Exporting;

/// <summary>Where an archive goes: a pipe, or a file that bears its name only once it is whole.</summary>
internal sealed class ExportTarget : IAsyncDisposable
{
    private readonly string? _file;
    private readonly string? _unfinished;

    public ExportTarget(string? file, Stream pipe, bool overwrite)
    {
        _file = file;
        if (file is null)
        {
            Stream = pipe;
            return;
        }

        if (File.Exists(file) && !overwrite)
        {
            throw new WorkerException(ErrorCatalogue.TargetFileExists, $"{file} is there already.") { Remedy = "Give another name, or --overwrite." };
        }

        _unfinished = file + ".part";
        try
        {
            Stream = new FileStream(_unfinished, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 20, FileOptions.Asynchronous);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WorkerException(ErrorCatalogue.TargetUnusable, $"{file} cannot be written: {exception.Message}", exception)
            {
                Remedy = "Give a file in a folder that exists and that this user may write to.",
            };
        }
    }

    public Stream Stream { get; }

    public async Task CommitAsync(CancellationToken cancellationToken)
    {
        await Stream.FlushAsync(cancellationToken);
        if (_file is not null)
        {
            await Stream.DisposeAsync();
            File.Move(_unfinished!, _file, overwrite: true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_file is null)
        {
            return;
        }

        await Stream.DisposeAsync();
        File.Delete(_unfinished!);
    }
}
